"""Only what failed is sent again; nothing is given up but into quarantine."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from firehose.agent.config import FIREHOSE, Flow
from firehose.agent.flow import Window
from firehose.agent.generation import Generation
from firehose.agent.packing import Batch
from firehose.agent.quarantine import Quarantine
from firehose.agent.shipping import Circuit, Sender
from firehose.agent.status import Counts

FLOW = Flow(Path("/l"), "x", FIREHOSE, "orders", first_retry_seconds=0.001, last_retry_seconds=0.002)


@dataclass
class Stream:
    """Answers each call by what `answer` says: places that failed, or an exception."""

    answer: Callable[[int, Sequence[bytes]], list[int]]
    calls: list[list[bytes]] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    def send(self, records: Sequence[bytes]) -> list[int]:
        self.calls.append(list(records))
        failed = self.answer(len(self.calls), records)
        self.taken += [record for place, record in enumerate(records) if place not in failed]
        return failed


@dataclass
class Case:
    sender: Sender
    stream: Stream
    warnings: list[str]


def _case(tmp_path: Path, answer: Callable[[int, Sequence[bytes]], list[int]]) -> Case:
    stream, warnings = Stream(answer), []
    sender = Sender(
        FLOW, stream, Quarantine(tmp_path / "q"), Counts(), Circuit(), threading.Event(), warnings.append
    )
    return Case(sender, stream, warnings)


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "PutRecordBatch")


def _batch(*records: bytes) -> Batch:
    return Batch(
        list(records), sum(map(len, records)), len(records), {Generation(1, Path("/l/x"), (1, 1)): 9}
    )


def test_only_the_records_that_failed_are_sent_again(tmp_path: Path) -> None:
    case = _case(tmp_path, lambda call, _records: [1, 3] if call == 1 else [])
    assert case.sender.ship(_batch(b"a", b"b", b"c", b"d"))
    assert case.stream.calls == [[b"a", b"b", b"c", b"d"], [b"b", b"d"]]
    assert (case.sender.counts.records, case.sender.counts.retries) == (4, 1)


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="x"),
        ConnectionResetError(),
        _error("ServiceUnavailableException"),
        _error("InternalFailure"),
        _error("ThrottlingException"),
    ],
)
def test_a_call_without_a_good_answer_is_sent_again_whole(tmp_path: Path, error: Exception) -> None:
    def answer(call: int, _records: Sequence[bytes]) -> list[int]:
        if call < 3:
            raise error
        return []

    case = _case(tmp_path, answer)
    assert case.sender.ship(_batch(b"a", b"b"))
    assert case.stream.calls == [[b"a", b"b"]] * 3


@pytest.mark.parametrize(
    "error", [_error("ResourceNotFoundException"), _error("AccessDeniedException"), NoCredentialsError()]
)
def test_while_nobody_may_the_circuit_is_open_and_the_batch_waits(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firehose.agent.shipping.FIRST_PROBE_SECONDS", 0.001)

    def answer(call: int, _records: Sequence[bytes]) -> list[int]:
        if call < 3:
            assert call == 1 or case.sender.circuit.reason
            raise error
        return []

    case = _case(tmp_path, answer)
    assert case.sender.ship(_batch(b"a"))
    assert case.stream.taken == [b"a"]
    assert case.sender.circuit.reason == ""
    assert len(case.warnings) == 1
    assert case.sender.counts.quarantined == 0


def test_a_record_that_is_refused_alone_goes_into_quarantine_and_the_others_are_taken(tmp_path: Path) -> None:
    def answer(_call: int, records: Sequence[bytes]) -> list[int]:
        if b"poison" in records:
            raise _error("InvalidArgumentException")
        return []

    case = _case(tmp_path, answer)
    assert case.sender.ship(_batch(b"a", b"b", b"poison", b"c", b"d"))
    assert sorted(case.stream.taken) == [b"a", b"b", b"c", b"d"]
    [kept] = (tmp_path / "q").glob("*.lines")
    assert kept.read_bytes() == b"poison"
    assert "InvalidArgumentException" in kept.with_suffix(".json").read_text()
    assert case.sender.counts.quarantined == 1


def test_a_stream_that_refuses_everything_gets_nothing_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firehose.agent.shipping.FIRST_PROBE_SECONDS", 0.001)

    def answer(call: int, _records: Sequence[bytes]) -> list[int]:
        if call <= 8:
            raise _error("InvalidArgumentException")
        return []

    case = _case(tmp_path, answer)
    assert case.sender.ship(_batch(b"a", b"b"))
    assert sorted(case.stream.taken) == [b"a", b"b"]
    assert not (tmp_path / "q").exists()


def test_a_record_stuck_while_others_are_taken_goes_into_quarantine_in_the_end(tmp_path: Path) -> None:
    case = _case(tmp_path, lambda _call, records: [records.index(b"stuck")] if b"stuck" in records else [])
    assert case.sender.ship(_batch(b"a", b"stuck"))
    [kept] = (tmp_path / "q").glob("*.lines")
    assert kept.read_bytes() == b"stuck"
    assert case.stream.taken == [b"a"]


def test_a_stop_leaves_the_batch_unacknowledged(tmp_path: Path) -> None:
    def answer(_call: int, _records: Sequence[bytes]) -> list[int]:
        case.sender.stopping.set()
        return [0]

    case = _case(tmp_path, answer)
    assert not case.sender.ship(_batch(b"a"))


def test_only_what_is_acknowledged_without_a_gap_moves_the_offset() -> None:
    window = Window(1000, Counts(), threading.RLock())
    generation = Generation(1, Path("/l/x"), (1, 1))
    batches = [Batch([b"x" * 10], 10, 1, {generation: end}) for end in (10, 20, 30)]
    for batch in batches:
        window.add(batch)
    window.acknowledge(batches[1])
    assert (generation.acknowledged, window.in_flight_bytes) == (0, 30)
    window.acknowledge(batches[0])
    assert (generation.acknowledged, window.in_flight_bytes) == (20, 10)
    window.acknowledge(batches[2])
    assert (generation.acknowledged, window.in_flight_bytes) == (30, 0)
    assert window.empty()


def test_the_window_takes_no_more_than_its_budget() -> None:
    window = Window(25, Counts(), threading.RLock())
    assert window.has_room(100)  # alone, anything may pass
    window.add(Batch([b"x" * 20], 20, 1))
    assert window.has_room(5)
    assert not window.has_room(6)
