"""Spark as the EMR request configures it, on one machine and without the local EMR: for tests and benches."""

import json
from pathlib import Path
from string import Template

from infra.local import spark_jars, spark_submit
from infra.target import TEST_ACCOUNT

REQUEST = Path(__file__).resolve().parents[1] / "emr_retrain.json"
DRIVER_MEMORY = "2g"  # the most that the local EMR gives
_ONE_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": DRIVER_MEMORY,
    "spark.driver.defaultJavaOptions": spark_submit.JAVA_OPTIONS,
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def of_request(bucket: str) -> dict[str, str]:
    """The request's spark-defaults with its Iceberg catalog in this bucket."""
    configurations = json.loads(REQUEST.read_text())["Configurations"]
    (defaults,) = (
        found["Properties"] for found in configurations if found["Classification"] == "spark-defaults"
    )
    known = {"Bucket": bucket, "PathStyle": "true", "Region": TEST_ACCOUNT["AWS_REGION"]}
    resolved = {
        key: Template(value).substitute(known)
        for key, value in defaults.items()
        if key not in spark_submit.OWN_PYTHON_CONF
    }
    return resolved | _ONE_MACHINE | spark_jars.conf()
