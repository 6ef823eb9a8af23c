"""The analyses' answers, on lines few enough to count by hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from emr_jobs.analyses.questions import answer, questions
from emr_jobs.lake import tables
from emr_jobs.pictures import style
from emr_jobs.pictures.chapters import DRAWN

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
QUESTIONS = {question.name: question for question in questions()}

# invoice, stock code, customer, time, quantity, price, fate, country
LINES = [
    ("1", "10001", "ann", MONDAY, 2, "1.50", "sale", "France"),
    ("1", "10002", "ann", MONDAY, 1, "4.00", "sale", "France"),
    ("2", "10001", "bob", MONDAY + 2 * DAY, 4, "1.50", "sale", "France"),
    ("3", "10001", "", MONDAY + 2 * DAY, 100, "1.50", "guest", "Spain"),
    ("C4", "10001", "bob", MONDAY + 3 * DAY, -1, "1.50", "return", "France"),
    ("5", "10001", "ann", MONDAY + 5 * WEEK, 1, "1.50", "sale", "France"),
    ("6", "POST", "ann", MONDAY + 5 * WEEK, 1, "18.00", "fee", "France"),
    ("7", "10001", "", MONDAY + 5 * WEEK, -50, "0.00", "return", "France"),
]


NEVER = datetime(1970, 1, 1, tzinfo=UTC)
RATINGS = [
    ("ann", "a", 5.0, MONDAY),
    ("bob", "a", 4.0, MONDAY + 5 * WEEK),
    ("ann", "b", 3.0, MONDAY),
    ("bob", "c", 3.7, NEVER),
]
ITEMS = [("a", "Film A", ["Drama", "War"]), ("b", "Film B", ["Drama"])]
ALL = (5.0 + 4.0 + 3.0 + 3.7) / 4  # the mean of all


@pytest.fixture(scope="module")
def shop(spark: SparkSession) -> Iterator[SparkSession]:
    """A session whose `orders` are these lines; other tests' are not touched."""
    session = spark.newSession()
    schema = ", ".join(f"{name} {kind}" for name, kind in tables.ORDERS.items())
    rows = [
        {
            "invoice": invoice,
            "stock_code": code,
            "description": f"THING {code}",
            "quantity": quantity,
            "time": time,
            "unit_price": Decimal(price),
            "customer": customer,
            "country": country,
            "fate": fate,
        }
        for invoice, code, customer, time, quantity, price, fate, country in LINES
    ]
    frame = session.createDataFrame([tuple(row.get(name) for name in tables.ORDERS) for row in rows], schema)
    frame.createOrReplaceTempView("orders")
    session.createDataFrame(
        RATINGS, "user string, item string, rating double, time timestamp"
    ).createOrReplaceTempView("ratings")
    session.createDataFrame(ITEMS, "item string, title string, genres array<string>").createOrReplaceTempView(
        "items"
    )
    yield session
    for name in ("orders", "ratings", "items"):
        session.catalog.dropTempView(name)


def found(session: SparkSession, name: str) -> list[tuple[Any, ...]]:
    rows = answer(session, QUESTIONS[name]).to_pylist()
    return [tuple(_plain(value) for value in row.values()) for row in rows]


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def test_an_hour_of_the_week_counts_each_customer_once_and_no_fee(shop: SparkSession) -> None:
    # Invoice 5 is on a Monday as well, five weeks later.
    assert found(shop, "orders_by_hour") == [(0, 9, 2, 1, 8.5), (2, 9, 2, 1, 156.0)]


def test_weeks_begin_on_monday(shop: SparkSession) -> None:
    assert found(shop, "orders_by_week") == [(date(2026, 3, 2), 3, 2, 163.0), (date(2026, 4, 6), 1, 1, 1.5)]


def test_best_sellers_are_those_of_most_customers_a_guests_invoice_being_one(shop: SparkSession) -> None:
    assert found(shop, "orders_best_sellers") == [
        ("10001", "THING 10001", 3, 107, 160.5),
        ("10002", "THING 10002", 1, 1, 4.0),
    ]


def test_risers_compare_the_last_fortnight_of_the_data_with_the_one_before(shop: SparkSession) -> None:
    assert found(shop, "orders_risers") == [("10001", "THING 10001", 0, 1, 6 / 5)]


def test_baskets_are_counted_by_their_different_items(shop: SparkSession) -> None:
    assert found(shop, "orders_baskets") == [(1, 3, 157.5), (2, 1, 7.0)]


def test_a_repeat_is_an_item_on_a_later_invoice_of_the_same_customer(shop: SparkSession) -> None:
    assert found(shop, "orders_repeats") == [(date(2026, 3, 1), 3, 0, 0.0), (date(2026, 4, 1), 1, 1, 1.0)]


def test_returns_are_what_customers_sent_back_of_what_was_sold(shop: SparkSession) -> None:
    # Fifty pieces that the shop itself took off its shelves do not count.
    assert found(shop, "orders_returns") == [("10001", "THING 10001", 107, 1, 1 / 107)]


def test_countries_are_ordered_by_their_sales(shop: SparkSession) -> None:
    assert found(shop, "orders_countries") == [("Spain", 0, 1, 150.0), ("France", 2, 3, 14.5)]


def test_cohorts_are_the_months_of_first_orders(shop: SparkSession) -> None:
    march = date(2026, 3, 1)
    assert found(shop, "orders_cohorts") == [(march, 0, 2, 1.0), (march, 1, 1, 0.5)]


def test_totals_are_of_all_lines_that_were_accepted(shop: SparkSession) -> None:
    newest = MONDAY + 5 * WEEK
    assert found(shop, "orders_totals") == [(8, 7, 2, 3, MONDAY, newest)]


def test_fifty_votes_of_the_mean_of_all_are_given_to_each_item_beforehand(shop: SparkSession) -> None:
    rows = found(shop, "ratings_top")
    assert [row[:4] for row in rows] == [("a", "Film A", 2, 4.5), ("c", "c", 1, 3.7), ("b", "Film B", 1, 3.0)]
    bayesian = [(9 + 50 * ALL) / 52, (3.7 + 50 * ALL) / 51, (3 + 50 * ALL) / 51]
    assert [row[4] for row in rows] == pytest.approx(bayesian)


def test_enough_votes_are_the_ninety_fifth_percentile_of_all_items_votes(shop: SparkSession) -> None:
    # Of 1, 1 and 2 votes it is 1.9.
    assert found(shop, "ratings_enough_votes") == [("a", "Film A", 2, 4.5)]


def test_a_rating_without_a_time_belongs_to_no_year_and_no_month(shop: SparkSession) -> None:
    assert found(shop, "ratings_by_year") == [(2026, 3.0, 1), (2026, 4.0, 1), (2026, 5.0, 1)]
    assert found(shop, "ratings_activity") == [
        (date(2026, 3, 1), 2, 1, 4.0),
        (date(2026, 4, 1), 1, 1, 4.0),
    ]


def test_a_wide_scale_is_told_in_about_ten_steps(shop: SparkSession) -> None:
    session = shop.newSession()
    rows = [("ann", "a", 0.0), ("bob", "a", 14.0), ("ann", "b", 16.0), ("bob", "b", 100.0)]
    given = [(user, item, rating, MONDAY) for user, item, rating in rows]
    session.createDataFrame(
        given, "user string, item string, rating double, time timestamp"
    ).createOrReplaceTempView("ratings")
    session.createDataFrame(
        ITEMS[1:], "item string, title string, genres array<string>"
    ).createOrReplaceTempView("items")
    assert found(session, "ratings_by_year") == [(2026, r, 1) for r in (0.0, 10.0, 20.0, 100.0)]
    assert found(session, "ratings_by_genre") == [("Drama", 20.0, 1), ("Drama", 100.0, 1)]


@pytest.mark.parametrize("title", ["The shop", "Ratings"])
def test_what_spark_answers_can_be_drawn(shop: SparkSession, title: str) -> None:
    with style.drawing():
        drawn = {name: draw(answer(shop, QUESTIONS[name])) for name, draw in DRAWN[title].items()}
        assert all(figure and style.png(figure) for figure in drawn.values())


def test_an_item_of_several_genres_counts_for_each_and_one_of_none_for_none(shop: SparkSession) -> None:
    assert found(shop, "ratings_by_genre") == [
        ("Drama", 3.0, 1),
        ("Drama", 4.0, 1),
        ("Drama", 5.0, 1),
        ("War", 4.0, 1),
        ("War", 5.0, 1),
    ]
