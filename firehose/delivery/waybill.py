"""Where and how a sealed segment is delivered.

It is on the disk before the first attempt, so that every attempt, also after a kill, makes the same object.
"""

import json
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from firehose.delivery.destination import Destination
from firehose.delivery.segment import Frame

GZIP_LEVEL = 1  # a laptop's CPU is scarcer than its disk
_GZIP_WINDOW = 31  # zlib's number for a gzip header, which it writes without a time: the same bytes each time


@dataclass(frozen=True, slots=True)
class Waybill:
    bucket: str
    key: str
    compression: str
    delimiter: str
    version: int  # of the stream's definition
    lambda_arn: str = ""
    error_key: str = ""  # of what the function could not process

    @classmethod
    def write(cls, stream: str, version: int, destination: Destination, oldest: float) -> "Waybill":
        """For an object whose oldest record arrived at `oldest`."""
        arrival = datetime.fromtimestamp(oldest, UTC)
        return cls(
            destination.bucket,
            destination.key(stream, version, arrival, str(uuid.uuid4())),
            destination.compression,
            destination.delimiter,
            version,
            destination.lambda_arn,
            destination.error_key(stream, version, arrival, str(uuid.uuid4()))
            if destination.lambda_arn
            else "",
        )

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Waybill":
        return cls(**json.loads(raw))

    def body(self, frames: Iterable[Frame]) -> bytes:
        """The object's bytes: the same for the same frames, so that a repeated put changes nothing."""
        return self.packed(self._delimited(frames))

    def packed(self, pieces: Iterable[bytes]) -> bytes:
        if self.compression != "GZIP":
            return b"".join(pieces)
        gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        compressed = [gzip.compress(piece) for piece in pieces]
        return b"".join((*compressed, gzip.flush()))

    def _delimited(self, frames: Iterable[Frame]) -> Iterator[bytes]:
        delimiter = self.delimiter.encode()
        for frame in frames:
            yield b"".join(record + delimiter for record in frame.records()) if delimiter else frame.payload
