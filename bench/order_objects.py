"""Order lines of the simulated shop as gz objects, on this disk and in S3. Used by the bench of ingest."""

import gzip
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3

from bench.local_lake import BUCKET
from contracts import s3_layout
from emr_jobs.lake.objects import blocks

OBJECT_BYTES = 8 << 20  # of text, as Firehose buffers them; gzip makes about a quarter of it


def shop_log(folder: Path, lines: int, hours: int) -> Path:
    size = ["--lines", str(lines), "--hours", str(hours), "--source", f"bench-{folder.name}"]
    command = [sys.executable, "-m", "log_generator", "shop", *size, "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "orders.log"


def packed(log: Path) -> list[Path]:
    """The log as gz objects of whole lines, beside it; the log itself goes."""
    made = []
    for number, block in enumerate(blocks(_pieces(log))):
        made.append(log.with_name(f"{log.parent.name}-{number:05d}.gz"))
        made[-1].write_bytes(gzip.compress(block.lines, 6))
    log.unlink()
    return made


def _pieces(log: Path) -> Iterator[bytes]:
    with log.open("rb") as file:
        while piece := file.read(OBJECT_BYTES):
            yield piece


def put(objects: Sequence[Path]) -> None:
    """As if they had arrived over the last day."""
    s3, now = boto3.client("s3"), datetime.now(UTC)
    for number, path in enumerate(objects):
        key = s3_layout.arrival_prefix(now - timedelta(hours=number % 24)) + path.name
        s3.upload_file(str(path), BUCKET, key)
        path.unlink()
