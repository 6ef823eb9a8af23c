"""S3 prefixes are evaluated and refused as AWS documents it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.s3_layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX, arrival_hour, arrival_prefix
from firehose.delivery.prefixes import PrefixError, check, evaluate, evaluate_error, java_time

ARRIVAL = datetime(2026, 1, 5, 7, 4, 9, 123456, tzinfo=UTC)


def test_our_own_prefixes_land_where_ingest_looks() -> None:
    check(FIREHOSE_PREFIX, FIREHOSE_ERROR_PREFIX)
    assert evaluate(FIREHOSE_PREFIX, ARRIVAL) == "orders/year=2026/month=01/day=05/hour=07/"
    assert (
        evaluate_error(FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX, ARRIVAL, "processing-failed")
        == "firehose-errors/processing-failed/2026/01/05/07/"
    )


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 (Hypothesis adds the zone)
def test_every_arrival_can_be_read_back_from_its_key(arrival: datetime) -> None:
    prefix = evaluate(FIREHOSE_PREFIX, arrival)
    assert prefix == arrival_prefix(arrival)
    assert arrival_hour(prefix + "x.gz") == arrival.replace(minute=0, second=0, microsecond=0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss", "2026-01-05T07:04:09"),
        ("yy/M/d/H", "26/1/5/7"),
        ("MMM EEEE", "Jan Monday"),
        ("MMMM EEE", "January Mon"),
        ("DDD", "005"),
        ("hh a", "07 AM"),
        ("SSS", "123"),
        ("'it''s' yyyy", "it's 2026"),
        ("''yyyy''", "'2026'"),
    ],
)
def test_time_patterns_are_javas(pattern: str, expected: str) -> None:
    assert java_time(pattern, ARRIVAL) == expected


def test_a_prefix_without_time_gets_the_hour_appended() -> None:
    assert evaluate("", ARRIVAL) == "2026/01/05/07/"
    assert evaluate("raw/", ARRIVAL) == "raw/2026/01/05/07/"
    assert evaluate("!{firehose:random-string}/", ARRIVAL, lambda: "abc") == "abc/2026/01/05/07/"


def test_without_an_error_prefix_errors_go_by_the_day_of_the_year() -> None:
    assert evaluate_error("", "raw/", ARRIVAL, "processing-failed") == "raw/processing-failed/2026/01/005/07/"


def test_random_strings_have_eleven_characters_and_differ() -> None:
    found = {evaluate("!{firehose:random-string}!{timestamp:yyyy}", ARRIVAL)[:11] for _ in range(50)}
    assert len(found) == 50
    assert all(text.isalnum() and len(text) == 11 for text in found)


def test_times_are_those_of_the_streams_zone() -> None:
    assert (
        evaluate("!{timestamp:yyyy-MM-dd-HH}", ARRIVAL.astimezone(ZoneInfo("Asia/Tokyo"))) == "2026-01-05-16"
    )


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "message"),
    [
        ("a/!{timestamp:yyyy}/", "", "ErrorOutputPrefix cannot be null"),
        ("a/!{timestamp:yyyy}/", "e/!{timestamp:yyyy}/", "must contain !{firehose:error-output-type}"),
        ("!{firehose:error-output-type}/", "e/!{firehose:error-output-type}/", "Prefix cannot contain"),
        ("a/!{timestamp:yyyy", "e/", "outside of an expression"),
        ("a/!{nothing:x}/", "e/!{firehose:error-output-type}/", "not supported"),
        ("a/!{timestamp:yyyy-Q}/", "e/!{firehose:error-output-type}/", "letter Q"),
        ("a/!{timestamp:'yyyy}/", "e/!{firehose:error-output-type}/", "quote is not closed"),
        ("a" * 513, "", "longer than 512"),
    ],
)
def test_what_aws_refuses_is_refused(prefix: str, error_prefix: str, message: str) -> None:
    with pytest.raises(PrefixError, match=message.replace("{", r"\{").replace("!", r"\!")):
        check(prefix, error_prefix)


def test_an_error_prefix_without_expressions_is_enough() -> None:
    check("a/!{timestamp:yyyy}/", "errors/")
    check("plain/", "")
