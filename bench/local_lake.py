"""A local AWS and a Spark for one benchmark alone, with a bucket and an empty lake in it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from pyspark.sql import SparkSession

from emr_jobs.lake import tables
from infra.local import java, ministack, ports, spark_conf
from infra.target import TEST_ACCOUNT

BUCKET = "cadabra-bench"
START_SECONDS = 60


@contextmanager
def local_aws(folder: Path) -> Iterator[None]:
    """boto3 and Java find it by the environment."""
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
        os.environ |= TEST_ACCOUNT | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def session() -> Iterator[SparkSession]:
    """Spark as the EMR request configures it, on this machine."""
    os.environ |= {
        "JAVA_HOME": str(java.find()),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]").appName("cadabra-bench")
    for key, value in spark_conf.of_request(BUCKET).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {tables.CATALOG}.{tables.DATABASE}")
        yield spark
    finally:
        spark.stop()
