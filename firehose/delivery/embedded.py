"""A delivery endpoint inside this process, for tests and benchmarks: the real server, with or without S3."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firehose.delivery.carrier import Carrier
from firehose.delivery.faults import Faults, Rates
from firehose.delivery.server import Endpoint, Server
from firehose.delivery.stream import Stream
from firehose.delivery.streams import Streams

ROLE_ARN = "arn:aws:iam::000000000000:role/delivery"


@dataclass(frozen=True, slots=True)
class Embedded:
    url: str
    streams: Streams
    faults: Faults

    def make(self, name: str, bucket: str = "bucket", **destination: Any) -> Stream:
        asked = {"RoleARN": ROLE_ARN, "BucketARN": f"arn:aws:s3:::{bucket}", **destination}
        self.streams.create({"DeliveryStreamName": name, "ExtendedS3DestinationConfiguration": asked})
        return self.streams.get(name)

    def lines(self, name: str) -> Counter[bytes]:
        """What is acknowledged and not yet delivered, line by line."""
        landed: Counter[bytes] = Counter()
        for segment in self.streams.get(name).spool.segments():
            for frame in segment.frames():
                landed.update(frame.payload.splitlines())
        return landed


@contextmanager
def endpoint(
    data: Path,
    *,
    s3: Callable[[], Any] | None = None,
    functions: Callable[[], Any] | None = None,
    rates: Rates | None = None,
    budget_bytes: int = 1 << 34,
    clock: Callable[[], float] = time.time,
    port: int = 0,
) -> Iterator[Embedded]:
    """Without `s3` everything stays in the spool."""

    def begin(stream: Stream, forget: Callable[[Stream], None]) -> None:
        if s3:
            Carrier(stream, s3, forget, clock, functions).start()

    streams = Streams(data / "streams", budget_bytes, clock, begin)
    faults = Faults(rates or Rates())
    with Server(("127.0.0.1", port), Endpoint(streams, faults)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield Embedded(f"http://127.0.0.1:{server.server_address[1]}", streams, faults)
        finally:
            server.shutdown()
            thread.join()
            for stream in streams.all():
                stream.stop()
                stream.spool.close()
