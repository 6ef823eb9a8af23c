"""MB a second that the delivery endpoint acknowledges, synced to disk, and carries to S3's door.

    python -m bench.delivery [--seconds 4]

The endpoint is a process of its own; the puts are ready-made, so that boto3's own work is not measured.
"""

import argparse
import base64
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

from rich.console import Console
from rich.table import Table

from firehose.delivery.embedded import ROLE_ARN
from firehose.delivery.segment import Frame
from firehose.delivery.waybill import Waybill

DEFAULT_SECONDS = 4.0
THREADS = 2
STREAM = "bench"
WIDTH = 110  # also where the output goes into a file
FLOOR = "the floor: JSON, base64, CRC-32 and one synced write, in one thread"
FLOOR_ROUNDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--seconds",
        type=float,
        default=DEFAULT_SECONDS,
        metavar="S",
        help="of puts, of each kind (%(default)g)",
    )
    seconds = parser.parse_args().seconds
    record = _order_lines(1_000_000)
    table = Table("delivery", "MB/s", "CPU s / GB", "x floor")
    floor = _floor([record] * 4)
    with tempfile.TemporaryDirectory() as folder:
        for name, records in (
            ("4 records of 1 MB a put", [record] * 4),
            ("500 records of 5 KB a put", [record[:5000]] * 500),
        ):
            rate, cpu = _puts(Path(folder) / name, _body(records), sum(map(len, records)), seconds)
            table.add_row(f"acknowledged, {name}", f"{rate:,.0f}", f"{cpu:.1f}", f"{rate / floor:.2f}")
    table.add_row(FLOOR, f"{floor:,.0f}", f"{1000 / floor:.1f}", "1.00")
    rate, ratio = _gzip(record)
    table.add_row(f"gzip for S3, {ratio:.1f} times smaller", f"{rate:,.0f}", f"{1000 / rate:.1f}", "")
    Console(width=WIDTH).print(table)


def _order_lines(size: int) -> bytes:
    chance = random.Random(1)
    lines, total = [], 0
    while total < size:
        code, customer = chance.randrange(10_000, 99_999), chance.randrange(12_000, 18_000)
        line = (
            f"{536_365 + len(lines) // 20},{code},ITEM {code} IN {chance.choice(['RED', 'BLUE', 'PINK'])},"
            f"{chance.randrange(1, 25)},2026-11-20T08:{len(lines) // 60 % 60:02d}:{len(lines) % 60:02d}Z,"
            f"{chance.randrange(1, 2000) / 100},{customer},United Kingdom,web1-{len(lines) + 1}\n"
        )
        lines.append(line)
        total += len(line)
    return "".join(lines).encode()[:size]


def _body(records: list[bytes]) -> bytes:
    entries = [{"Data": base64.b64encode(record).decode()} for record in records]
    return json.dumps({"DeliveryStreamName": STREAM, "Records": entries}).encode()


def _puts(data: Path, body: bytes, size: int, seconds: float) -> tuple[float, float]:
    command = [sys.executable, "-m", "firehose.delivery", "--data", str(data)]
    nowhere = {**os.environ, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=nowhere)
    assert process.stdout
    address = process.stdout.readline().rpartition("/")[2].strip()
    destination = {
        "RoleARN": ROLE_ARN,
        "BucketARN": "arn:aws:s3:::bucket",
        "BufferingHints": {"SizeInMBs": 128, "IntervalInSeconds": 900},
    }
    create = {"DeliveryStreamName": STREAM, "ExtendedS3DestinationConfiguration": destination}
    _post(http.client.HTTPConnection(address), "CreateDeliveryStream", json.dumps(create).encode())
    deadline, counts = time.monotonic() + seconds, [0] * THREADS

    def put(thread: int) -> None:
        connection = http.client.HTTPConnection(address)
        while time.monotonic() < deadline:
            _post(connection, "PutRecordBatch", body)
            counts[thread] += 1
        connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=put, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    process.kill()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it is reaped
    process.stdout.close()
    megabytes = sum(counts) * size / 1e6
    return megabytes / took, (usage.ru_utime + usage.ru_stime) / megabytes * 1000


def _post(connection: http.client.HTTPConnection, operation: str, body: bytes) -> None:
    connection.request("POST", "/", body, {"X-Amz-Target": f"Firehose_20150804.{operation}"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content


def _floor(records: list[bytes]) -> float:
    """MB a second of what any endpoint must do with a put that it keeps."""
    body, size = _body(records), sum(map(len, records))
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        for _ in range(FLOOR_ROUNDS):
            payload = b"".join(base64.b64decode(entry["Data"]) for entry in json.loads(body)["Records"])
            zlib.crc32(payload)
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        return FLOOR_ROUNDS * size / 1e6 / (time.monotonic() - began)


def _gzip(record: bytes) -> tuple[float, float]:
    frames = [Frame(0.0, (len(record),), record)] * 20
    waybill = Waybill("bucket", "key", "GZIP", "", 1)
    began = time.process_time()
    body = waybill.body(frames)
    took = time.process_time() - began
    size = len(record) * len(frames)
    assert zlib.crc32(zlib.decompress(body, 31)) == zlib.crc32(record * len(frames))
    return size / 1e6 / took, size / len(body)


if __name__ == "__main__":
    main()
