"""A tiny shop through the whole model: its kernels are compiled while Spark starts. Used by retrain."""

import threading
from datetime import UTC, datetime

import pyarrow as pa

from contracts.order_line import Fate
from emr_jobs import model, served
from emr_jobs.orders import from_arrow
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
                "priced": [True] * len(lines),
                "fate": [str(Fate.SALE)] * len(lines),
            }
        )
    )
    settings = Settings()
    fitted = model.fit(orders, int(orders.seconds.max()), settings, seed=0)
    served.customer_rows(fitted, settings)
    served.item_rows(orders, fitted, settings)
