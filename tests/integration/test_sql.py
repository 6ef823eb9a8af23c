"""`cadabra sql` reads, says what is wrong with a query; the questions of docs/operations.md have answers."""

import io
import re
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from emr_jobs.lake import tables
from infra.lake import sql

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"

# invoice, code, name, quantity, time, price, customer, fate
ORDERS = [
    ("1", "10001", "Lamp", 2, "2026-10-01 10:00:00", "2.50", "c1", "sale"),
    ("2", "10001", "Lamp", 100, "2026-10-11 10:00:00", "2.00", "c1", "sale"),
    ("3", "10002", "Mug", 200, "2026-10-21 10:00:00", "1.00", "c1", "sale"),
    ("4", "10001", "Lamp", 1, "2026-10-31 23:59:59", "2.50", "c1", "sale"),
    ("5", "10002", "Mug", 3, "2026-11-29 10:00:00", "1.00", "", "guest"),
    ("6", "10001", "Lamp", 1, "2026-11-30 10:00:00", "2.50", "c2", "sale"),
    ("6", "POST", "Postage", 1, "2026-11-30 10:00:00", "9.00", "c2", "fee"),
    ("C7", "10002", "Mug", -50, "2026-11-30 11:00:00", "1.00", "c1", "return"),
    ("8", "10002", "Mug", 2, "2026-11-30 12:00:00", "1.00", "c3", "sale"),
]


@pytest.fixture(scope="module")
def asked(spark):
    """A session whose orders, rejects and ledger are a small shop's; `cadabra sql` has such a one."""
    session, database = spark.newSession(), f"asked_{uuid.uuid4().hex}"
    session.sql(f"CREATE NAMESPACE lake.{database}")
    session.sql(f"USE lake.{database}")
    for table in tables.TABLES:
        session.sql(tables.create_statement(table).replace(tables.full_name(table), table))
    for number, (invoice, code, name, quantity, time, price, customer, fate) in enumerate(ORDERS, 1):
        session.sql(
            f"INSERT INTO orders VALUES ('{invoice}', '{code}', '{name}', {quantity}, TIMESTAMP '{time}', "
            f"{price}, '{customer}', 'France', 'shop-{number}', '{fate}', 'orders/a', {number})"
        )
    session.sql(
        "INSERT INTO rejects VALUES "
        "('orders/a', 10, 'quantity', 'many is none', '', X'61', TIMESTAMP '2026-11-30 13:00:00'), "
        "('orders/a', 11, 'columns', 'three', '', X'62', TIMESTAMP '2026-11-30 13:00:00'), "
        "('orders/a', 12, 'columns', 'four', '', X'63', TIMESTAMP '2026-11-30 13:00:00')"
    )
    return session


def answer(session, query, limit=None):
    return list(sql.ask(session, query, limit).rows)


def questions():
    """The queries of the page, by the heading above each."""
    section = PAGE.read_text().partition("\n## Asking the lake\n")[2].partition("\n## ")[0]
    found = re.findall(r"^### (.+?)$.*?^```sql\n(.+?)^```", section, re.DOTALL | re.MULTILINE)
    return dict(found)


def test_the_page_has_five_questions():
    assert len(questions()) == 5


EXPECTED = {
    "How did each of the last seven days go?": [
        ("2026-11-29", "1", "3", "3.00"),
        ("2026-11-30", "2", "3", "4.50"),
    ],
    "What sells most often now?": [("10002", "Mug", "2", "5"), ("10001", "Lamp", "1", "1")],
    "Which good customers have stopped coming?": [("c1", "4", "10.0", "30", "407.50")],
    "What comes back?": [("10002", "Mug", "50", "205"), ("10001", "Lamp", "0", "104")],
    "Which lines were refused, and why?": [("columns", "2", "b"), ("quantity", "1", "a")],
}


@pytest.mark.parametrize("question", EXPECTED)
def test_each_question_of_the_page_is_answered_right(asked, question):
    assert answer(asked, questions()[question]) == EXPECTED[question]


def test_numbers_are_told_from_text_and_times_are_utc(asked):
    found = sql.ask(asked, "SELECT invoice, quantity, unit_price, time FROM orders WHERE invoice = '1'", 50)
    assert found.numbers == ("quantity", "unit_price")
    assert list(found.rows) == [("1", "2", str(Decimal("2.5000")), "2026-10-01 10:00:00")]


def test_one_row_more_than_the_limit_shows_that_it_was_cut(asked):
    assert len(answer(asked, "SELECT * FROM orders", limit=3)) == 4
    assert len(answer(asked, "SELECT * FROM orders", limit=9)) == 9


def test_csv_is_quoted_as_csv_is(asked):
    found = sql.ask(asked, """SELECT 'a "b", c' AS name, null AS nothing""", None)
    out = io.StringIO()
    sql.write(found.columns, found.rows, out)
    assert out.getvalue() == 'name,nothing\n"a ""b"", c",\n'


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nope FROM orders", "`nope` cannot be resolved"),
        ("SELECT * FROM nothing", "`nothing` cannot be found"),
        ("SELECT frm orders wher", "PARSE_SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", "extra input"),
        ("SELECT raise_error('no such lamp')", "no such lamp"),
        ("SELECT CAST(description AS int) FROM orders", "cannot be cast"),
    ],
)
@pytest.mark.parametrize("limit", [50, None])
def test_a_wrong_query_is_told_in_sparks_words_without_its_stack(asked, query, said, limit):
    with pytest.raises(sql.WrongQueryError, match=re.escape(said)) as told:
        list(sql._told(sql.ask(asked, query, limit).rows))
    assert "\tat " not in str(told.value)
    assert "Relation" not in str(told.value)


@pytest.mark.parametrize(
    "query",
    [
        "WITH a AS (SELECT * FROM orders) INSERT INTO orders SELECT * FROM a",
        "WITH a AS (SELECT 1) DELETE FROM orders WHERE true",
        "WITH a AS (SELECT * FROM orders) FROM a INSERT INTO orders SELECT *",
    ],
)
def test_a_with_that_writes_is_refused(asked, query):
    with pytest.raises(sql.ReadOnlyError, match="is refused"):
        answer(asked, query)
    assert answer(asked, "SELECT count(*) FROM orders") == [(str(len(ORDERS)),)]


@pytest.mark.parametrize("query", ["SHOW TABLES", "DESCRIBE orders", "EXPLAIN SELECT 1", "(SELECT 1)"])
def test_what_only_reads_is_answered(asked, query):
    assert answer(asked, query)
