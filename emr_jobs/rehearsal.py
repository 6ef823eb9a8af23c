"""A tiny shop through the whole model: its kernels are compiled while Spark starts. Used by retrain."""

import threading
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from contracts.order_line import Fate
from emr_jobs import model
from emr_jobs.candidates import company, past
from emr_jobs.lists import ranked, served
from emr_jobs.orders import from_arrow
from emr_jobs.ranker import features
from emr_jobs.ranker.forest import Forest
from emr_jobs.settings import Settings


def begin() -> threading.Thread:
    """Join the thread it answers before the kernels are needed."""
    thread = threading.Thread(target=rehearse, name="rehearsal", daemon=True)
    thread.start()
    return thread


def rehearse() -> None:
    lines = [("a", "1"), ("a", "2"), ("b", "2")]
    orders = from_arrow(
        pa.table(
            {
                "customer": [customer for customer, _ in lines],
                "stock_code": [code for _, code in lines],
                "invoice": [customer for customer, _ in lines],
                "quantity": [1] * len(lines),
                "time": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * len(lines)),
                "unit_price": [1.0] * len(lines),
                "fate": [str(Fate.SALE)] * len(lines),
            }
        )
    )
    settings = Settings()
    fitted = model.fit(orders, int(orders.seconds.max()), settings, seed=0)
    customers = served.buyers(fitted)
    counted = company.counted(orders, fitted.bought, fitted.now, settings)
    then = past.known(orders, fitted, fitted.factors, counted, settings)
    ranked.by_blend(fitted, customers, settings)
    lists = ranked.by_forest(then, _one_leaf(), customers)
    served.customer_rows(fitted, lists, customers, settings)
    served.item_rows(orders, fitted, settings)


def _one_leaf() -> Forest:
    """A forest of one tree that knows nothing."""
    whole, leaf = np.zeros(1, np.int32), np.full(1, np.inf, np.float32)
    return Forest(features.NAMES, 0, whole, whole, leaf, whole, np.zeros(1))
