"""A raw object whose customer's lines became marks: it has as many lines, and the others say the same."""

import gzip
import zlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from emr_jobs.lake import erased_objects
from tests.erased_lines import ANNA, WHEN, found, line, rows, suppressing


class Bucket:
    """S3 as far as rewriting one object needs it."""

    def __init__(self, content):
        self.content, self.metadata = content, {}

    def get_object(self, **_):
        self.iter_chunks = lambda _size: iter([self.content])
        return {"Body": self, "Metadata": self.metadata, "ContentType": "application/x-gzip"}

    def put_object(self, *, Body, Metadata, **_):  # noqa: N803 (S3's names)
        self.content, self.metadata = Body, Metadata
        return {"ETag": f'"{zlib.crc32(Body)}"'}


def rewritten(content, customer=ANNA):
    bucket = Bucket(content)
    erased_objects.rewrite(bucket, "b", found(content), {customer}.__contains__)
    return bucket.content


def test_marks_keep_the_number_of_lines_and_what_the_others_say():
    content = line("bert", "shop-1") + b"\n" + line(ANNA, "shop-2") + line("", "shop-3") + b"torn line\n"
    before, after = rows(content), rows(rewritten(content))
    assert [row["line"] for row in after] == [1, 3, 4, 5]
    assert [row for row in after if row["line"] != 3] == [row for row in before if row["line"] != 3]
    assert (after[1]["fate"], after[1]["event_id"]) == ("erased", "shop-2")


def test_a_refused_lines_mark_keeps_the_id_at_its_end():
    (row,) = rows(rewritten(f"torn;{ANNA};x,shop-7\n".encode()))
    assert (row["fate"], row["event_id"], row["raw"]) == ("erased", "shop-7", None)


@pytest.mark.parametrize("packed", [gzip.compress, bytes])
def test_rewriting_twice_changes_nothing_more(packed):
    content = packed(line(ANNA, "shop-1") + line("bert", "shop-2"))
    once = rewritten(content)
    assert ANNA.encode() not in once
    assert rewritten(once) == once


def test_an_object_of_several_gzip_members_is_erased_in_all_of_them():
    content = gzip.compress(line(ANNA, "shop-1")) + gzip.compress(
        line("bert", "shop-2") + line(ANNA, "shop-3")
    )
    assert Counter(row["fate"] for row in rows(rewritten(content))) == {"erased": 2, "sale": 1}


def test_a_damaged_object_stays_damaged_and_the_cut_line_stays_a_reject():
    whole = gzip.compress(b"".join(line("bert", f"shop-{n}") for n in range(1, 400)) + line(ANNA, "shop-400"))
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    cut = packer.compress(line(ANNA, "shop-1") + line("bert", "shop-2") + b"500001,10001,La")
    cut += packer.flush(zlib.Z_SYNC_FLUSH)
    after = rows(rewritten(cut))
    assert [(row["fate"], row["reason"]) for row in after] == [
        ("erased", None),
        ("sale", None),
        ("rejected", "cut_short"),
    ]
    assert after[2]["raw"] == b"500001,10001,La"
    assert rows(rewritten(whole[:-9]))[-1]["reason"] == "cut_short"


def test_a_cut_line_of_the_customer_is_erased_without_claiming_an_id():
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    cut = packer.compress(line("bert", "shop-2") + f"1,1,Lamp,2,2026,2.50,{ANNA},France,shop-3".encode())
    cut += packer.flush(zlib.Z_SYNC_FLUSH)
    last = rows(rewritten(cut))[-1]
    assert (last["fate"], last["event_id"]) == ("erased", "")
    assert rows(cut, suppressing(ANNA))[-1]["fate"] == "erased"


def test_a_rewritten_object_is_not_younger_than_its_lines():
    bucket = Bucket(line(ANNA, "shop-1"))
    erased_objects.rewrite(bucket, "b", found(bucket.content), {ANNA}.__contains__)
    later = replace(found(bucket.content), modified=datetime(2027, 1, 1, tzinfo=UTC))
    assert erased_objects.as_it_arrived(later, bucket.metadata).modified == WHEN
