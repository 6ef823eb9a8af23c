"""The day's backtest as S3 keeps it, and which lists customers saw."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from contracts.lists import customer_key
from contracts.s3_layout import BACKTEST, Version, closed_key, opened_key
from emr_jobs.judging import daily
from emr_jobs.judging.daily import Backtest, Today
from emr_jobs.judging.published import Shown
from emr_jobs.judging.trial import Lead, Trial
from emr_jobs.lists import export
from emr_jobs.lists.export import Ranked
from emr_jobs.orders import epoch, from_arrow
from emr_jobs.settings import Settings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
JUDGED = Trial(
    5, "a forest", {"for_you": 7}, {"for_you": 0.3}, (Lead("for_you", "popularity", 0.1, 0.2, 0.1, 0.3),)
)
KEPT = Backtest(
    JUDGED, Settings(), Settings(rank=8), Shown("20261119T100000Z-7", 1.5, {"for_you": 3}, {"for_you": 0.2})
)
ORDERS = from_arrow(
    pa.Table.from_pylist(
        [
            {
                "customer": customer,
                "stock_code": "10001",
                "invoice": f"{customer}-{hours}",
                "quantity": 1,
                "time": NOON - timedelta(hours=hours),
                "unit_price": 1.0,
                "fate": "sale",
            }
            for customer in ("ann", "bob")
            for hours in (400, 1)
        ]
    )
)


def test_the_days_other_runs_read_what_its_first_one_kept(shop):
    """So the lists that were shown are told though that run was killed before it wrote its card."""
    daily.keep(shop, Today(KEPT, new=True))
    assert daily.held(shop) == KEPT


@pytest.mark.parametrize(
    "damage",
    [
        {"settings": []},
        {"in_use": [1]},
        {"shown": [1]},
        {"trial": []},
        {"trial": asdict(JUDGED) | {"customers": [7]}},
        {"trial": asdict(JUDGED) | {"leads": {"for_you": 1}}},
    ],
)
def test_a_backtest_of_a_wrong_shape_is_made_again(shop, damage):
    shop.s3.put_object(Bucket=shop.bucket, Key=BACKTEST, Body=json.dumps(asdict(KEPT) | damage))
    assert daily.held(shop) is None


def publish(shop, number, hours, *, live=True, exported=True, **card):
    """A version of so many hours before noon, and the note of its publication."""
    version = Version(NOON - timedelta(hours=hours), number)
    held = {"coverage": {"customers": 1, "items": 1}, "settings": asdict(Settings())} | card
    note = json.dumps({"version": str(version)})
    bodies = {opened_key(number): note} | ({closed_key(number): "{}"} if live else {})
    for key, body in (bodies | {version.card: json.dumps(held)}).items():
        shop.s3.put_object(Bucket=shop.bucket, Key=key, Body=body)
    if exported:
        one = Ranked(np.array([[0]], np.int32), np.zeros((1, 1), np.int32))
        keys = pa.array([customer_key("ann")])
        rows = export.table(keys, {"for_you": one, "discover": one}, ORDERS.items, pa.array(["p"]))
        export.write(shop.s3, shop.bucket, version.customers, rows)
    return version


def test_only_lists_that_customers_saw_are_judged(shop):
    publish(shop, 1, hours=60)
    saw = publish(shop, 2, hours=50)
    publish(shop, 3, hours=40, exported=False)
    publish(shop, 4, hours=30, study={})
    publish(shop, 5, hours=26, live=False)
    publish(shop, 6, hours=2)  # too young
    shown = daily.shown(shop, ORDERS, epoch(NOON))
    assert (shown.version, shown.ndcg["for_you"]) == (str(saw), 0.5)  # ann's first, bob has none


def test_where_customers_saw_none_that_is_a_day_old_there_is_no_figure(shop):
    publish(shop, 1, hours=26, live=False)
    publish(shop, 2, hours=23)
    assert daily.shown(shop, ORDERS, epoch(NOON)) is None
