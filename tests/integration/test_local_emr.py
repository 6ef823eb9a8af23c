"""The local EMR through boto3: steps that really run spark-submit."""

import gzip
import io
import json
import time
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from infra.local import processes
from tests import local_emr
from tests.local_emr import DEADLINE_SECONDS

BUCKET = "emr-test"
CONFIGURATIONS = [
    {"Classification": "iceberg-defaults", "Properties": {"iceberg.enabled": "true"}},
    {
        "Classification": "spark-defaults",
        "Properties": {
            "spark.driver.memory": "8g",
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.lake.type": "glue",
            "spark.sql.catalog.lake.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "spark.sql.catalog.lake.s3.path-style-access": "true",
            "spark.sql.catalog.lake.warehouse": f"s3://{BUCKET}/lake/",
        },
    },
]
SCRIPTS = {
    "count.py": """
import sys
from shop import NAME
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sql("CREATE NAMESPACE IF NOT EXISTS lake.emr")
spark.sql("CREATE TABLE lake.emr.numbers USING iceberg AS SELECT 1 AS one")
print(NAME, sys.argv[1:], spark.table("lake.emr.numbers").count())
""",
    "fail.py": "raise ValueError('no orders in the last hour')",
    "hang.py": """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
""",
}


@pytest.fixture(scope="module")
def s3(local_aws):  # noqa: ARG001  it sets the environment that boto3 reads
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    for name, text in SCRIPTS.items():
        client.put_object(Bucket=BUCKET, Key=f"code/{name}", Body=text.encode())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("shop.py", "NAME = 'cadabra'\n")
    client.put_object(Bucket=BUCKET, Key="code/shop.zip", Body=packed.getvalue())
    return client


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Its name holds a space, as folders of people do."""
    return tmp_path_factory.mktemp("local emr")


@pytest.fixture(scope="module")
def emr(s3, data):  # noqa: ARG001  its bucket holds the scripts
    with local_emr.running(data) as client:
        yield client


def a_step(script: str, *arguments: str, on_failure: str = "TERMINATE_CLUSTER") -> dict:
    submit = ["spark-submit", "--deploy-mode", "client", "--py-files", f"s3://{BUCKET}/code/shop.zip"]
    arguments = [*submit, f"s3://{BUCKET}/code/{script}", *arguments]
    jar_step = {"Jar": "command-runner.jar", "Args": arguments}
    return {"Name": script, "ActionOnFailure": on_failure, "HadoopJarStep": jar_step}


def run(emr, *steps: dict, stays: bool = False) -> str:
    group = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    answer = emr.run_job_flow(
        Name="test",
        ReleaseLabel="emr-spark-8.1.0",
        LogUri=f"s3://{BUCKET}/logs/emr/",
        Applications=[{"Name": "Spark"}],
        Configurations=CONFIGURATIONS,
        JobFlowRole="nodes",
        ServiceRole="service",
        Instances={"InstanceGroups": [group], "KeepJobFlowAliveWhenNoSteps": stays},
        Steps=list(steps),
    )
    return answer["JobFlowId"]


def steps_of(emr, cluster: str) -> list[dict]:
    """In the order they were given."""
    return list(reversed(emr.list_steps(ClusterId=cluster)["Steps"]))


def wait(emr, waiter: str, **ids) -> None:
    emr.get_waiter(waiter).wait(**ids, WaiterConfig={"Delay": 0.2, "MaxAttempts": DEADLINE_SECONDS * 5})


def wait_for_output(data: Path, step: str) -> list[int]:
    """The process ids that hang.py tells."""
    deadline, path = time.monotonic() + DEADLINE_SECONDS, data / "steps" / step / "stdout"
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "the step does not run"
        time.sleep(0.05)
    return [int(pid) for pid in path.read_text().split()]


def test_a_run_s_steps_really_run_up_to_the_one_that_fails(emr, s3, data):
    """The first counts rows of an Iceberg table, the second fails with its reason, the third is cancelled."""
    queue_url = boto3.client("sqs").create_queue(QueueName="emr-events")["QueueUrl"]
    arn = boto3.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    events = boto3.client("events")
    events.put_rule(Name="emr", EventPattern=json.dumps({"source": ["aws.emr", "local.emr"]}))
    events.put_targets(Rule="emr", Targets=[{"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}])

    cluster = run(emr, a_step("count.py", "--a", "b c"), a_step("fail.py"), a_step("count.py"))
    first, second, _ = (step["Id"] for step in steps_of(emr, cluster))
    wait(emr, "cluster_running", ClusterId=cluster)
    wait(emr, "step_complete", ClusterId=cluster, StepId=first)
    with pytest.raises(WaiterError, match="FAILED"):
        wait(emr, "step_complete", ClusterId=cluster, StepId=second)
    with pytest.raises(WaiterError, match="TERMINATED_WITH_ERRORS"):
        wait(emr, "cluster_terminated", ClusterId=cluster)

    status = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert status["StateChangeReason"] == {"Code": "STEP_FAILURE", "Message": "Shut down as step failed"}
    states = [step["Status"]["State"] for step in steps_of(emr, cluster)]
    assert states == ["COMPLETED", "FAILED", "CANCELLED"]
    failure = emr.describe_step(ClusterId=cluster, StepId=second)["Step"]["Status"]["FailureDetails"]
    assert failure["Message"] == "ValueError: no orders in the last hour"
    logs = f"logs/emr/{cluster}/steps"
    assert failure["LogFile"] == f"s3://{BUCKET}/{logs}/{second}/stdout.gz"
    assert read_gz(s3, f"{logs}/{first}/stdout.gz") == "cadabra ['--a', 'b c'] 1\n"
    assert "8192 MiB asked for" in read_gz(s3, f"{logs}/{first}/controller.gz")
    assert "no orders in the last hour" in read_gz(s3, f"{logs}/{second}/stdout.gz")
    assert {path.name for path in (data / "steps" / first).iterdir()} == {"controller", "stderr", "stdout"}
    assert states_told(queue_url) == [
        "STARTING", "PENDING", "PENDING", "PENDING", "RUNNING", "RUNNING", "COMPLETED",
        "RUNNING", "FAILED", "TERMINATING", "CANCELLED", "TERMINATED_WITH_ERRORS",
    ]  # fmt: skip


def read_gz(s3, key: str) -> str:
    return gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()


def states_told(queue_url: str) -> list[str]:
    """What the rule brought, in order, until the cluster's last state."""
    sqs, states, deadline = boto3.client("sqs"), [], time.monotonic() + DEADLINE_SECONDS
    while "TERMINATED_WITH_ERRORS" not in states and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            states.append(json.loads(message["Body"])["detail"]["state"])
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return states


def test_a_terminated_cluster_leaves_nothing_of_its_step_running(emr, data):
    """Not the script, and not what the script started."""
    cluster = run(emr, a_step("hang.py"))
    (step,) = steps_of(emr, cluster)
    pids = wait_for_output(data, step["Id"])
    assert all(processes.identity(pid) for pid in pids)
    emr.terminate_job_flows(JobFlowIds=[cluster])
    wait(emr, "cluster_terminated", ClusterId=cluster)
    assert [processes.identity(pid) for pid in pids] == [None, None]
    assert steps_of(emr, cluster)[0]["Status"]["State"] == "CANCELLED"
    reason = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["StateChangeReason"]
    assert reason == {"Code": "USER_REQUEST", "Message": "Terminated by user request"}


def test_a_cancelled_step_ends_and_its_cluster_goes_on(emr, data):
    """A cluster that stays takes one more step, also by its missing script's message."""
    cluster = run(emr, a_step("hang.py"), stays=True)
    (step,) = steps_of(emr, cluster)
    wait_for_output(data, step["Id"])
    answer = emr.cancel_steps(ClusterId=cluster, StepIds=[step["Id"]])
    assert answer["CancelStepsInfoList"] == [{"StepId": step["Id"], "Status": "SUBMITTED"}]
    with pytest.raises(WaiterError, match="CANCELLED"):
        wait(emr, "step_complete", ClusterId=cluster, StepId=step["Id"])
    added = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[a_step("gone.py", on_failure="CONTINUE")])
    with pytest.raises(WaiterError, match="FAILED"):
        wait(emr, "step_complete", ClusterId=cluster, StepId=added["StepIds"][0])
    described = emr.describe_step(ClusterId=cluster, StepId=added["StepIds"][0])["Step"]["Status"]
    assert f"s3://{BUCKET}/code/gone.py could not be fetched" in described["FailureDetails"]["Message"]
    assert emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"] in {"RUNNING", "WAITING"}
    emr.terminate_job_flows(JobFlowIds=[cluster])
    wait(emr, "cluster_terminated", ClusterId=cluster)


def test_bad_requests_are_refused_as_emr_refuses_them(emr):
    with pytest.raises(ClientError, match="Cluster id 'j-GONE' is not valid") as caught:
        emr.describe_cluster(ClusterId="j-GONE")
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
    with pytest.raises(ClientError, match="GIVE_UP") as caught:
        run(emr, a_step("fail.py", on_failure="GIVE_UP"))
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="does not know ListStudios"):
        emr.list_studios()


def test_lists_come_in_pages_newest_first(emr):
    """Sixty steps that nobody can run, in a cluster that stays."""
    steps = [a_step(f"gone-{number}.py", on_failure="CANCEL_AND_WAIT") for number in range(60)]
    cluster = run(emr, *steps, stays=True)
    pages = list(emr.get_paginator("list_steps").paginate(ClusterId=cluster))
    assert [len(page["Steps"]) for page in pages] == [50, 10]
    assert pages[0]["Steps"][0]["Name"] == "gone-59.py"
    assert pages[1]["Steps"][-1]["Name"] == "gone-0.py"
    assert emr.list_clusters()["Clusters"][0]["Id"] == cluster
    emr.terminate_job_flows(JobFlowIds=[cluster])
    wait(emr, "cluster_terminated", ClusterId=cluster)
    listed = emr.list_clusters(ClusterStates=["TERMINATED"])["Clusters"]
    assert cluster in [one["Id"] for one in listed]
