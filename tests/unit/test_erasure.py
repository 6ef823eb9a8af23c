"""A mark keeps the event id and nothing else; the list of erased customers knows them by a keyed hash."""

import string
from dataclasses import replace

import pytest
from botocore import session
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from contracts import erasure
from contracts.erasure import keyed_hash
from contracts.order_line import ErasedLineError, RefusedLineError, parse_line
from contracts.s3_layout import SUPPRESSED
from tests.erased_lines import ANNA, KEY, line, rows, suppressing

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@:+-]{0,63}", fullmatch=True)


@given(event_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}-[1-9][0-9]{0,14}", fullmatch=True))
def test_a_mark_says_its_event_id_and_is_neither_an_order_nor_a_reject(event_id):
    with pytest.raises(ErasedLineError) as read:
        parse_line(erasure.mark(event_id))
    assert read.value.event_id == event_id


@given(customer=ids, other=ids)
def test_the_list_knows_whom_it_names_and_nobody_else(customer, other):
    listed = suppressing(customer)
    assert listed.covers(customer)
    assert listed.covers(other) == (other == customer)
    assert listed.covers(other) == (other == customer), "asked again"


def test_with_another_key_the_list_names_nobody():
    assert not replace(suppressing(ANNA), key=b"another").covers(ANNA)


def test_neither_the_list_nor_a_receipt_can_be_told_from_the_id_without_the_key():
    assert keyed_hash(KEY, ANNA) != keyed_hash(b"another", ANNA)
    assert ANNA not in SUPPRESSED + keyed_hash(KEY, ANNA)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (line(ANNA, "shop-1"), True),
        (line(f'"{ANNA}"', "shop-1"), True),
        (line("bert", "shop-1", ANNA), False),
        (line(f"{ANNA}0", "shop-1"), False),
        (f"500001;{ANNA};cut".encode(), True),
        (f"500001;customer={ANNA}.".encode(), True),
        (f"500001;{ANNA}0;cut".encode(), False),
        (b"\xff," + line(ANNA, "shop-1"), True),
        (erasure.mark("shop-1"), False),
    ],
)
def test_a_line_is_a_customers_by_its_field_and_a_refused_one_by_any_token(raw, expected):
    assert erasure.names(raw, {ANNA}.__contains__) is expected


def test_late_lines_of_an_erased_customer_are_erased_whatever_their_form():
    careless = line(ANNA, "shop-2").replace(b",10001,", b", 10001 ,")
    content = line("bert", "shop-1") + careless + line(ANNA, "shop-3") + f"torn;{ANNA};x,shop-4\n".encode()
    landed = rows(content, suppressing(ANNA))
    assert [(row["line"], row["fate"], row["event_id"], row["reason"]) for row in landed] == [
        (1, "sale", "shop-1", None),
        (2, "erased", "shop-2", "suppressed"),
        (3, "erased", "shop-3", "suppressed"),
        (4, "erased", "shop-4", "suppressed"),
    ]
    assert ANNA not in str(landed)


def test_parsing_a_line_that_only_begins_like_a_mark_refuses_it():
    with pytest.raises(RefusedLineError):
        parse_line(b"ERASED,,Lamp,,,,,,shop-1")


def test_ids_with_every_allowed_sign_are_found_as_tokens():
    customer = "a" + "._@:+-".join(string.digits[:3]) + "z"
    assert erasure.names(f"torn;{customer};".encode(), {customer}.__contains__)


@pytest.fixture
def s3():
    return session.get_session().create_client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_key_that_is_lost_is_told_as_that_and_not_as_s3_words_it(s3, code):
    """S3 denies what is not there to a role that may not list it."""
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", code)
        with pytest.raises(erasure.SuppressionKeyMissingError, match="Restore both"):
            erasure.read_key(s3, "shop")


def test_another_error_of_s3_stays_what_it_is(s3):
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "SlowDown")
        with pytest.raises(s3.exceptions.ClientError, match="SlowDown"):
            erasure.read_key(s3, "shop")
