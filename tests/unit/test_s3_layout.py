"""Every key of the bucket is read back as it was written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import s3_layout
from contracts.s3_layout import Part, Version

HOUR = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "key",
    [
        "orders/year=2026/month=11/day=20/hour=09/cadabra-orders-1-2026-11-20-09-59-01-uuid.gz",
        "orders/2026/11/20/09/cadabra-orders-1-2026-11-20-09-59-01-uuid",
        s3_layout.FIREHOSE_PREFIX + "cadabra-orders-1-2026-11-20-09-59-01-a1b2c3",
    ],
)
def test_the_hour_of_arrival_is_read_from_each_kind_of_key(key):
    assert s3_layout.arrival_hour(key) == HOUR


@pytest.mark.parametrize("key", ["orders/readme.txt", "lists/2026/11/20/09/x", "orders/2026/13/40/99/x"])
def test_a_key_that_tells_no_hour_has_none(key):
    assert s3_layout.arrival_hour(key) is None


def test_the_prefixes_of_some_hours_hold_both_layouts_and_the_literal_one():
    assert list(s3_layout.arrival_prefixes(HOUR, HOUR.replace(hour=10))) == [
        "orders/year=2026/month=11/day=20/hour=09/",
        "orders/2026/11/20/09/",
        "orders/year=2026/month=11/day=20/hour=10/",
        "orders/2026/11/20/10/",
        "orders/year=!{timestamp:",
    ]


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), st.integers(0, 2**40))  # noqa: DTZ001 (the zone follows)
def test_a_version_is_read_back_and_sorts_by_time(time, run):
    version = Version(time.replace(microsecond=0, tzinfo=UTC), run)
    assert Version.parse(str(version)) == version


def test_what_is_no_version_says_what_one_looks_like():
    with pytest.raises(ValueError, match="'latest' is no version such as"):
        Version.parse("latest")


@given(st.integers(1, 10**9), st.integers(1, 99_999), st.integers(1, 99_999))
def test_a_part_is_read_back_from_its_key(number, place, count):
    part = Part(number, place, count)
    assert Part.parse(part.key) == part


def test_other_keys_of_a_publication_are_no_part():
    assert Part.parse(s3_layout.opened_key(7)) is None
    assert Part.parse(s3_layout.closed_key(7)) is None
