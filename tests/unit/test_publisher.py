"""The publisher's patience, its pace, and that no message is an unhandled error."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.lists import removal
from publish import handler
from publish.pace import Pace
from publish.store import TRIES, Store, ThrottledError


class Busy:
    """DynamoDB that leaves all but one item of each call undone, or everything `always`."""

    def __init__(self, *, always=False):
        self.always, self.calls, self.done = always, 0, []

    def batch_write_item(self, *, RequestItems):  # noqa: N803 (DynamoDB's own name)
        self.calls += 1
        ((table, requests),) = RequestItems.items()
        taken, left = ([], requests) if self.always else (requests[:1], requests[1:])
        self.done += [request["DeleteRequest"]["Key"]["id"]["S"] for request in taken]
        return {"UnprocessedItems": {table: left} if left else {}}


def store(dynamodb, pauses):
    return Store(None, dynamodb, "lists", pause=pauses.append)


def test_what_dynamodb_leaves_undone_is_sent_again_after_ever_longer_pauses():
    busy, pauses = Busy(), []
    store(busy, pauses).write([removal(key) for key in "abcd"])
    assert busy.done == list("abcd")
    assert len(pauses) == 3
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(pauses))


def test_what_is_never_done_is_given_back_to_the_queue():
    busy, pauses = Busy(always=True), []
    with pytest.raises(ThrottledError, match="table lists left items unprocessed 8 times"):
        store(busy, pauses).write([removal("a")])
    assert busy.calls == TRIES
    assert 10 < sum(pauses) < 30


def test_no_worker_writes_faster_than_its_pace():
    now, pauses = [100.0], []

    def pause(seconds):
        pauses.append(seconds)
        now[0] += seconds

    pace = Pace(rate=100.0, clock=lambda: now[0], pause=pause)
    for _ in range(5):
        pace.wait(25)
    assert pauses == pytest.approx([0.25] * 4)
    now[0] += 60
    pace.wait(25)  # a rest is not saved up
    pace.wait(25)
    assert pauses[4:] == pytest.approx([0.25])


anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
notified = st.fixed_dictionaries(
    {
        "s3": st.fixed_dictionaries(
            {"bucket": anything, "object": anything | st.fixed_dictionaries({"key": st.text()})}
        )
    }
)
bodies = (
    st.text()
    | anything.map(json.dumps)
    | st.fixed_dictionaries({"Records": st.lists(notified | anything)}).map(json.dumps)
)
messages = st.fixed_dictionaries({"messageId": st.uuids().map(str)}, optional={"body": bodies | anything})


@pytest.mark.usefixtures("no_table")
@given(st.lists(messages, max_size=10, unique_by=lambda message: message["messageId"]))
@settings(max_examples=300, deadline=None)
def test_a_message_of_any_shape_is_done_or_handed_back(given_messages):
    answer = handler.handle({"Records": given_messages})
    names = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert set(names) <= {message["messageId"] for message in given_messages}
    broken = {message["messageId"] for message in given_messages if not isinstance(message.get("body"), str)}
    assert broken <= set(names)


@pytest.fixture(scope="module")
def no_table():
    """Keys that no part has need no table, but the function connects to one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "_store", lambda: Store(None, None, "lists"))
        yield


def test_an_event_without_messages_is_done():
    assert handler.handle({}) == {"batchItemFailures": []}
    assert handler.handle({"Records": None}) == {"batchItemFailures": []}
