"""Raw objects in which lines are replaced by erased marks, line for line. Used by ingest and by erasure.

Neither the number of lines nor a line's number changes, and a damaged object stays as damaged as it was: only
what nobody could read of it is gone.
"""

import io
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.erasure import Covers, mark, mark_of, names, tokens
from contracts.order_line import ERASED
from emr_jobs.lake.objects import READ_BYTES, Block, RawObject, blocks

WHOLE_SINCE = "whole-since"  # metadata: a rewritten object is younger than the lines it holds
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
_MARKED = ERASED.encode() + b",,"

Hint = Callable[[bytes], bool]  # whether some lines may hold what is looked for; cheaper than reading them


@dataclass(frozen=True, slots=True)
class Held:
    """What one object has to do with an erasure."""

    lines: int  # to be erased
    marked: bool  # some line of it is a mark already
    damaged: bool  # its rest cannot be read, so not be searched


def survey(pieces: Iterable[bytes], covers: Covers, hint: Hint) -> Held:
    """How many lines of an object are a covered customer's."""
    lines, marked, damaged = 0, False, False
    for block in blocks(pieces):
        damaged |= block.cut_short
        marked |= _MARKED in block.lines
        if block.cut_short:
            lines += _named(block.lines, covers)
        elif hint(block.lines):
            lines += sum(hint(raw) and names(raw, covers) for raw in _lines(block.lines))
    return Held(lines, marked, damaged)


def rewrite(s3: Any, bucket: str, found: RawObject, covers: Covers, hint: Hint = bool) -> RawObject:
    """The object with marks in place of a covered customer's lines; run again, it changes nothing more."""
    answer = s3.get_object(Bucket=bucket, Key=found.key)
    pieces = list(answer["Body"].iter_chunks(READ_BYTES))
    written = _Written(packed=b"".join(pieces[:1]).startswith(_GZIP_MAGIC))
    for block in blocks(pieces):
        written.add(block, covers, hint)
    body = written.content()
    since = {WHOLE_SINCE: found.modified.isoformat()} | answer["Metadata"]
    kept = {name: answer[name] for name in ("ContentType", "ContentEncoding") if answer.get(name)}
    put = s3.put_object(Bucket=bucket, Key=found.key, Body=body, Metadata=since, **kept)
    return replace(found, etag=put["ETag"].strip('"'), bytes=len(body))


def as_it_arrived(found: RawObject, metadata: dict[str, str]) -> RawObject:
    """A rewritten object with the time since when S3 had it whole: an order may not be younger than that."""
    since = metadata.get(WHOLE_SINCE)
    return replace(found, modified=datetime.fromisoformat(since)) if since else found


class _Written:
    """The object that is being written, gzip where it was."""

    def __init__(self, *, packed: bool) -> None:
        self._sink = io.BytesIO()
        self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WINDOW) if packed else None
        self._cut_short = False

    def add(self, block: Block, covers: Covers, hint: Hint) -> None:
        if block.cut_short:
            self._add_cut(block.lines[:-1], covers)
        elif hint(block.lines):
            raws = _lines(block.lines)
            self._put(b"".join(mark_of(raw) if hint(raw) and names(raw, covers) else raw for raw in raws))
        else:
            self._put(block.lines)

    def _add_cut(self, raw: bytes, covers: Covers) -> None:
        """A mark where it was, without an id: what looks like one at the cut may be the half of another."""
        if _named(raw, covers):
            self._put(mark(""))
            return
        self._put(raw)
        self._cut_short = True

    def _put(self, lines: bytes) -> None:
        self._sink.write(self._packer.compress(lines) if self._packer else lines)

    def content(self) -> bytes:
        if self._packer:
            self._sink.write(self._packer.flush(zlib.Z_SYNC_FLUSH if self._cut_short else zlib.Z_FINISH))
        return self._sink.getvalue()


def _named(cut: bytes, covers: Covers) -> bool:
    """Of a cut line nobody knows which field is the customer's."""
    return any(map(covers, tokens(cut)))


def _lines(lines: bytes) -> list[bytes]:
    """Only a newline ends a line: a lone carriage return is inside one."""
    return [raw + b"\n" for raw in lines.split(b"\n")[:-1]]
