"""The lines of a raw object, whatever pieces it comes in and however it is packed."""

import gzip
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.order_line import MAX_LINE_BYTES
from emr_jobs.lake.objects import READ_BYTES, Block, blocks


def cut(content, size):
    return [content[start : start + size] for start in range(0, len(content), size)]


def numbered(found):
    """The lines of the blocks with their numbers, as the blocks say them."""
    return [
        (block.first + place, line)
        for block in found
        for place, line in enumerate(block.lines.removesuffix(b"\n").split(b"\n"))
    ]


contents = st.lists(st.sampled_from([b"a", b"bc,d", b"\r", b"\n", b"\n", b"\xff\0"]), max_size=30).map(
    b"".join
)


@given(contents, st.integers(1, 9), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_line_comes_once_with_its_number(content, size, packed):
    found = list(blocks(cut(gzip.compress(content) if packed else content, size)))
    lines = content.split(b"\n") if content else []
    if content.endswith(b"\n"):
        lines.pop()
    assert numbered(found) == list(enumerate(lines, 1))
    assert not any(block.cut_short for block in found)
    assert all(block.lines.endswith(b"\n") for block in found)


@given(st.lists(contents.filter(bool), min_size=2, max_size=4), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_gzip_members_follow_each_other_in_one_object(members, size):
    packed = b"".join(map(gzip.compress, members))
    assert numbered(blocks(cut(packed, size))) == numbered(blocks([b"".join(members)]))


@pytest.mark.parametrize("lost", [1, 8, 30, 3000])
def test_a_cut_short_object_gives_whole_lines_and_says_what_is_left(lost):
    numbers = random.Random(1)
    lines = [b"%d" % numbers.getrandbits(60) for _ in range(5000)]
    *whole, last = blocks(cut(gzip.compress(b"\n".join(lines))[:-lost], 1000))
    read = [line for _, line in numbered(whole)]
    assert read == lines[: len(read)]
    assert last.cut_short
    assert last.first == len(read) + 1
    assert lines[len(read)].startswith(last.lines[:-1])
    assert not any(block.cut_short for block in whole)


def test_an_object_cut_after_a_newline_still_says_that_it_was_cut():
    packed = zlib.compressobj(wbits=31)
    content = packed.compress(b"a\nb\n") + packed.flush(zlib.Z_SYNC_FLUSH)
    assert list(blocks([content])) == [Block(1, b"a\nb\n"), Block(3, b"\n", cut_short=True)]


def test_what_follows_a_gzip_member_and_is_none_is_a_reject():
    *whole, last = blocks([gzip.compress(b"a\n") + b"rubbish"])
    assert [block.lines for block in whole] == [b"a\n"]
    assert last.cut_short


def test_an_endless_line_keeps_its_number_its_beginning_and_its_end():
    endless = b"begin" + b"x" * 10_000_000 + b",shop-7"
    found = numbered(blocks(cut(b"a\n" + endless + b"\nb\n", 1 << 20)))
    assert [number for number, _ in found] == [1, 2, 3]
    assert found[1][1].startswith(b"begin")
    assert found[1][1].endswith(b",shop-7")
    assert found[2][1] == b"b"


@pytest.mark.parametrize("content", [b"x" * 200_000_000, b"some line\n" * 20_000_000])
def test_an_object_that_unpacks_to_a_thousand_times_its_size_needs_little_memory(content):
    packed = gzip.compress(content, 1)
    size = content.count(b"\n")
    tracemalloc.start()
    try:
        lines = sum(block.lines.count(b"\n") for block in blocks(cut(packed, READ_BYTES)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines == max(size, 1)
    assert peak < 8 * (READ_BYTES + MAX_LINE_BYTES)


def test_what_stands_before_a_damaged_place_of_a_compressed_object_is_kept():
    good = [b"line %d of many\n" % number for number in range(200_000)]
    packed = bytearray(gzip.compress(b"".join(good)))
    packed[len(packed) * 9 // 10] ^= 0xFF
    found = list(blocks([bytes(packed)]))
    assert b"".join(block.lines for block in found).startswith(b"".join(good[:150_000]))
    assert found[-1].cut_short


def test_a_wrong_checksum_at_the_end_costs_no_line_and_is_said():
    packed = bytearray(gzip.compress(b"one\ntwo\n"))
    packed[-8] ^= 0xFF
    assert list(blocks([bytes(packed)])) == [Block(1, b"one\ntwo\n"), Block(3, b"\n", cut_short=True)]
