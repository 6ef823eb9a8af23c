"""How fast landed lines become committed rows: `python -m bench.ingest [LINES]`.

First the parse alone, by block and by the contract's parse_line, in this process. Then LINES order lines of
one day as gz objects through the whole of ingest, on a local AWS and a Spark of its own, and twice an hour's
10,000 on top of that table. Exits 1 where the lines come slower than the 200,000 a second wanted of 2 cores.
"""

import argparse
import gzip
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from pyspark.sql import SparkSession

from bench.demo import family
from contracts import s3_layout
from contracts.order_line import RefusedLineError, fate_of, parse_line
from emr_jobs.ingest import Ingested, ingest
from emr_jobs.lake import tables
from emr_jobs.lake.objects import Block, RawObject, blocks
from emr_jobs.lake.order_rows import landed_rows
from infra.local import java, ministack, ports, spark_jars, spark_submit

WANTED_LINES_PER_S = 200_000
PARSED_LINES = 200_000  # a few seconds of the contract's parser
HOURLY_LINES = 10_000
OBJECT_BYTES = 8 << 20  # of text, as Firehose buffers them; gzip makes about a quarter of it
BUCKET = "cadabra-bench"
START_SECONDS = 60
AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
SPARK = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "glue",
    "spark.sql.catalog.lake.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
    "spark.sql.catalog.lake.warehouse": f"s3://{BUCKET}/lake/",
    "spark.sql.catalog.lake.s3.path-style-access": "true",
}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        log = shop_log(folder / "shop", options.lines, options.hours)
        with log.open("rb") as lines:
            parse(list(itertools.islice(lines, PARSED_LINES)))
        stack.enter_context(local_aws(folder))
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        put(blocks(pieces(log)))
        spark = stack.enter_context(session(options.java_options, options.driver_memory))
        ratio = timed(spark, f"{options.lines:,} lines", options.lines) / WANTED_LINES_PER_S
        print(f"ingest: {ratio:.2f} x the {WANTED_LINES_PER_S:,} lines/s wanted")
        for hour in ("one", "two"):
            put(blocks(pieces(shop_log(folder / hour, HOURLY_LINES, hours=1))))
            timed(spark, f"hour {hour}, {HOURLY_LINES:,} lines on top", HOURLY_LINES)
    return 0 if ratio >= 1 else 1


def parse(lines: Sequence[bytes]) -> None:
    """Lines a CPU-second to rows, and by the contract alone to order lines."""
    began = time.process_time()
    accepted = sum(map(accepted_by_contract, lines))
    alone = len(lines) / (time.process_time() - began)
    now = datetime.now(UTC)
    found = RawObject("orders/bench", "", 0, now, now)
    began = time.process_time()
    batches = landed_rows(found, blocks([b"".join(lines)]), UTC)
    assert accepted == sum(batch["reason"].null_count for batch in batches)
    rate = len(lines) / (time.process_time() - began)
    print(f"parse: {rate:,.0f} lines/CPU-s to rows, {rate / alone:.1f} x parse_line's {alone:,.0f}")


def accepted_by_contract(raw: bytes) -> bool:
    try:
        return bool(fate_of(parse_line(raw)))
    except RefusedLineError:
        return False


def shop_log(folder: Path, lines: int, hours: int) -> Path:
    size = ["--lines", str(lines), "--hours", str(hours), "--source", f"bench-{folder.name}"]
    command = [sys.executable, "-m", "log_generator", "shop", *size, "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "orders.log"


def pieces(log: Path) -> Iterator[bytes]:
    with log.open("rb") as file:
        while piece := file.read(OBJECT_BYTES):
            yield piece


def put(found: Iterator[Block]) -> None:
    """Objects of whole lines, as if they had arrived over the last day."""
    s3, now = boto3.client("s3"), datetime.now(UTC)
    for number, block in enumerate(found):
        prefix = s3_layout.arrival_prefix(now - timedelta(hours=number % 24))
        key = f"{prefix}{time.time_ns()}-{number}.gz"
        s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(block.lines, 6))


def timed(spark: SparkSession, what: str, lines: int) -> float:
    """One run of ingest; the answer is lines a second."""
    began, cpu_before = time.perf_counter(), cpu_seconds()
    taken = run(spark)
    wall_s, cpu_s = time.perf_counter() - began, cpu_seconds() - cpu_before
    assert sum(taken.fates.values()) == lines
    print(
        f"ingest: {what}: {wall_s:.1f} s, {cpu_s:.1f} CPU s with the local AWS, {lines / wall_s:,.0f} lines/s"
    )
    return lines / wall_s


def run(spark: SparkSession) -> Ingested:
    now = datetime.now(UTC)
    return ingest(
        spark,
        boto3.client("s3"),
        BUCKET,
        run=1,
        first=now - timedelta(hours=26),
        last=now,
        check_lease=lambda: None,
    )


def cpu_seconds() -> float:
    """Of this process and all it started: Spark, its Python workers, the local AWS."""
    return sum(map(_ticks, family(os.getpid(), Path(os.devnull, "none")))) / TICKS_PER_S


def _ticks(pid: int) -> int:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return 0
    return sum(map(int, after_name[11:15]))


@contextmanager
def local_aws(folder: Path) -> Iterator[None]:
    """A ministack of this run alone; boto3 and Java find it by the environment."""
    port = ports.choose(["local-aws"], {}, {})["local-aws"]
    environment, silent = ministack.environment(folder, port), subprocess.DEVNULL
    process = subprocess.Popen([ministack.program()], env=environment, stdout=silent, stderr=silent)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ministack.healthy(port):
            assert process.poll() is None, "ministack ended"
            assert time.monotonic() < deadline, "ministack does not answer"
        for variable in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
            del os.environ[variable]
        os.environ |= AWS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def session(java_options: str, driver_memory: str) -> Iterator[SparkSession]:
    os.environ |= {
        "JAVA_HOME": str(java.find()),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]").appName("cadabra-bench")
    given = {"spark.driver.defaultJavaOptions": java_options, "spark.driver.memory": driver_memory}
    for key, value in (SPARK | given | spark_jars.conf()).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {tables.CATALOG}.{tables.DATABASE}")
        yield spark
    finally:
        spark.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("lines", type=int, nargs="?", default=2_000_000, help="order lines (2000000)")
    parser.add_argument("--hours", type=int, default=24, help="of the shop's time that they span (24)")
    parser.add_argument(
        "--java-options", default=spark_submit.JAVA_OPTIONS, help="the JVM's (the local EMR's)"
    )
    parser.add_argument("--driver-memory", default="2g", help="Spark's (2g)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
