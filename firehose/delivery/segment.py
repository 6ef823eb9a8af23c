"""A segment file: one S3 object to be, made of frames. One frame is one put:

magic, arrival (seconds), records, payload bytes, CRC-32 | one length a record | the payload
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from firehose.durable import write_durably

_MAGIC = b"CDF1"
_HEADER = struct.Struct(">4sdIII")
_LENGTH = struct.Struct(">I")
WAYBILL_SUFFIX = ".waybill"  # where and how the sealed segment is delivered
TRANSFORMED_SUFFIX = ".transformed"  # what the stream's function made of a sealed segment


@dataclass(frozen=True, slots=True)
class Frame:
    """The records of one put."""

    arrival: float
    lengths: tuple[int, ...]
    payload: bytes

    def records(self) -> Iterator[bytes]:
        position = 0
        for length in self.lengths:
            yield self.payload[position : position + length]
            position += length


@dataclass
class Segment:
    """A segment file and what is known of it."""

    path: Path
    records: int = 0
    payload_bytes: int = 0
    file_bytes: int = 0
    oldest: float = 0.0

    @property
    def waybill_path(self) -> Path:
        return self.path.with_suffix(WAYBILL_SUFFIX)

    @property
    def transformed_path(self) -> Path:
        return self.path.with_suffix(TRANSFORMED_SUFFIX)

    def waybill(self) -> bytes:
        return self.waybill_path.read_bytes()

    def seal(self, waybill: bytes) -> None:
        """From here on this segment is that object, also after a kill."""
        write_durably(self.waybill_path, waybill)

    def frames(self) -> Iterator[Frame]:
        with self.path.open("rb") as file:
            while frame := read_frame(file.read):
                yield frame

    def note(self, frame_bytes: int, arrival: float, records: int, payload_bytes: int) -> None:
        self.oldest = self.oldest if self.records else arrival
        self.records += records
        self.payload_bytes += payload_bytes
        self.file_bytes += frame_bytes


def framed(records: Sequence[bytes], arrival: float) -> tuple[bytes, bytes, bytes]:
    """The parts of a frame, in their order in the file."""
    payload = b"".join(records)
    lengths = struct.pack(f">{len(records)}I", *map(len, records))
    checksum = zlib.crc32(payload, zlib.crc32(lengths))
    return _HEADER.pack(_MAGIC, arrival, len(records), len(payload), checksum), lengths, payload


class DamagedFrameError(ValueError):
    """A whole frame whose content is not what was written."""


def read_frame(read: Callable[[int], bytes]) -> Frame | None:
    """The next frame, or None at the end; a frame cut short is an end: its put was never acknowledged."""
    header = read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, arrival, count, payload_bytes, checksum = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise DamagedFrameError("no frame begins here")
    lengths, payload = read(count * _LENGTH.size), read(payload_bytes)
    if len(lengths) + len(payload) < count * _LENGTH.size + payload_bytes:
        return None
    if zlib.crc32(payload, zlib.crc32(lengths)) != checksum:
        raise DamagedFrameError("its checksum is wrong")
    return Frame(arrival, struct.unpack(f">{count}I", lengths), payload)
