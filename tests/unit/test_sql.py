"""`cadabra sql` refuses what does not read before anything is started."""

from pathlib import Path

import pytest

from infra.lake import sql
from infra.problem import ProblemError


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("SELECT 1", "SELECT"),
        ("  with a as (select 1) select * from a", "WITH"),
        ("-- how many?\nSELECT 1", "SELECT"),
        ("/* how\nmany? */ ((SELECT 1))", "SELECT"),
        ("show tables", "SHOW"),
        ("DESC orders", "DESC"),
    ],
)
def test_what_a_query_begins_with(query, word):
    assert sql.first_word(query) == word


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "insert into orders values (1)",
        "/* SELECT */ DROP TABLE orders",
        "-- SELECT\nMERGE INTO orders",
        "CALL lake.system.expire_snapshots('cadabra.orders')",
        "SET spark.testing=true",
        "selection",
        "",
    ],
)
def test_what_does_not_read_is_refused_with_the_reason(query):
    with pytest.raises(sql.ReadOnlyError, match="belongs to a run that holds the lease"):
        sql.first_word(query)


def test_a_query_is_given_once(tmp_path):
    file = tmp_path / "question.sql"
    file.write_text("SELECT 2")
    assert sql.query_text(["SELECT", "1"], None) == "SELECT 1"
    assert sql.query_text([], file) == "SELECT 2"
    for words, path in ([], None), (["SELECT 1"], Path("question.sql")):
        with pytest.raises(ProblemError, match="give a query"):
            sql.query_text(words, path)


def test_sparks_message_is_kept_and_its_plan_and_stack_are_not():
    said = "[X] no column `a`; line 1 pos 7;\n'Project ['a]\n+- Relation\n\nJVM stacktrace:\n\tat org.apache"
    assert sql.message(Exception(said)) == "[X] no column `a`; line 1 pos 7"


def test_what_a_shop_wrote_is_no_command_to_the_terminal():
    assert str(sql._cell("[red]\x1b[31mé\n")) == "[red]\\x1b[31mé\n"
