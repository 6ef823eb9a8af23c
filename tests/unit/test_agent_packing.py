"""Whatever the lines and the limits, batches hold every line once, in order, within the limits."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from firehose.agent.config import FIREHOSE, Flow
from firehose.agent.generation import Generation
from firehose.agent.packing import Batch, Packer, too_long

LINES = st.lists(
    st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"") + b"\n"), min_size=1, max_size=40
)


def _flow(records: int, size: int, aggregated: int) -> Flow:
    return Flow(
        Path("/l"),
        "x",
        FIREHOSE,
        "s",
        max_batch_records=records,
        max_batch_bytes=size,
        aggregated_record_bytes=aggregated,
    )


def _pack(flow: Flow, chunks: list[list[bytes]], generation: Generation) -> list[Batch]:
    packer, batches, position = Packer(flow), [], 0
    for lines in chunks:
        chunk = b"".join(lines)
        position += len(chunk)
        batches += packer.add(generation, position, chunk)
    last = packer.flush()
    return [*batches, last] if last else batches


@given(
    chunks=st.lists(LINES, min_size=1, max_size=4),
    records=st.integers(1, 6),
    size=st.integers(61, 300),
    aggregated=st.one_of(st.just(0), st.integers(1, 200)),
)
def test_batches_hold_every_line_once_in_order_within_the_limits(
    chunks: list[list[bytes]], records: int, size: int, aggregated: int
) -> None:
    generation = Generation(1, Path("/l/x"), (1, 1))
    batches = _pack(_flow(records, size, aggregated), chunks, generation)
    written = b"".join(line for lines in chunks for line in lines)
    assert b"".join(record for batch in batches for record in batch.records) == written
    shipped = 0
    for batch in batches:
        assert 1 <= len(batch.records) <= records
        assert batch.bytes == sum(map(len, batch.records)) <= size
        assert all(record.endswith(b"\n") for record in batch.records)
        assert batch.lines == sum(record.count(b"\n") for record in batch.records)
        for record in batch.records:
            single = record.count(b"\n") == 1
            assert single or (aggregated and len(record) <= aggregated)
        shipped += batch.bytes
        assert batch.ends == {generation: shipped}


def test_many_lines_share_a_record_up_to_its_size() -> None:
    generation = Generation(1, Path("/l/x"), (1, 1))
    [batch] = _pack(_flow(500, 1000, 10), [[b"123\n"] * 5], generation)
    assert batch.records == [b"123\n123\n", b"123\n123\n", b"123\n"]


def test_lines_of_several_reads_share_a_record() -> None:
    generation = Generation(1, Path("/l/x"), (1, 1))
    [batch] = _pack(_flow(500, 1000, 100), [[b"a\n"], [b"b\n"]], generation)
    assert batch.records == [b"a\nb\n"]


def test_carriage_returns_end_no_line() -> None:
    generation = Generation(1, Path("/l/x"), (1, 1))
    [batch] = _pack(_flow(500, 1000, 0), [[b"a\rb\r\n", b"c\n"]], generation)
    assert batch.records == [b"a\rb\r\n", b"c\n"]


def test_lines_that_fit_into_no_record_are_found_where_they_stand() -> None:
    fits, long = bytes(1_023_999).replace(b"\0", b"x") + b"\n", bytes(1_024_000).replace(b"\0", b"y") + b"\n"
    lines = b"a\n" + long + fits + b"b\n" + long
    first = (2, 2 + len(long))
    second = (len(lines) - len(long), len(lines))
    assert list(too_long(lines)) == [first, second]
    assert list(too_long(fits)) == []
