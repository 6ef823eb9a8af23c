"""kill -9 of the local EMR while a step runs: the step ends too, and the next start says what happened."""

import os
import signal
import subprocess
import sys
import time

import boto3
import pytest

from infra.local import processes

DEADLINE_SECONDS = 60
BUCKET = "emr-kills"
HANG = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module", autouse=True)
def script(local_aws):  # noqa: ARG001  it sets the environment that boto3 reads
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="hang.py", Body=HANG.encode())


class Emr:
    """A local EMR of one folder, killed and started again."""

    def __init__(self, data) -> None:
        self.data = data
        self.start()

    def start(self) -> None:
        self.data.mkdir(exist_ok=True)
        with (self.data / "log").open("ab") as log:
            command = [sys.executable, "-m", "infra.local.emr", "--port", "0", "--data", self.data]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        endpoint = self.process.stdout.readline().decode().removeprefix("listening on ").strip()
        self.client = boto3.client("emr", endpoint_url=endpoint)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def run_hanging_step(self) -> tuple[str, str, list[int]]:
        """Cluster, step, and the process ids of the script and of what it started."""
        arguments = ["spark-submit", f"s3://{BUCKET}/hang.py"]
        cluster = self.client.run_job_flow(
            Name="test",
            ReleaseLabel="emr-spark-8.1.0",
            Applications=[{"Name": "Spark"}],
            JobFlowRole="nodes",
            ServiceRole="service",
            Instances={"MasterInstanceType": "m5.xlarge", "InstanceCount": 1},
            Steps=[{"Name": "hang", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": arguments}}],
        )["JobFlowId"]
        step = self.client.list_steps(ClusterId=cluster)["Steps"][0]["Id"]
        path = self.data / "steps" / step / "stdout"
        wait_for(lambda: path.exists() and path.read_text().endswith("\n"))
        return cluster, step, [int(pid) for pid in path.read_text().split()]


@pytest.fixture
def emr(tmp_path):
    found = Emr(tmp_path / "emr")
    yield found
    found.kill()


def wait_for(what) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def guardian_of(pid: int) -> int:
    """The leader of its session."""
    return os.getsid(pid)


def test_a_killed_emr_takes_its_step_with_it(emr):
    cluster, step, pids = emr.run_hanging_step()
    emr.kill()
    wait_for(lambda: not any(processes.identity(pid) for pid in pids))
    emr.start()
    status = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert status["State"] == "TERMINATED_WITH_ERRORS"
    assert status["StateChangeReason"]["Message"] == "The local EMR was killed while the cluster was active"
    ended = emr.client.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    assert ended["State"] == "FAILED"
    assert ended["FailureDetails"]["Message"] == "The local EMR was killed while the cluster was active"


def test_what_a_killed_guardian_leaves_is_killed_at_the_next_start(emr):
    """EMR and guardian are stopped first, so that neither can act on the other's death."""
    cluster, _, pids = emr.run_hanging_step()
    guardian = guardian_of(pids[0])
    os.kill(guardian, signal.SIGSTOP)
    emr.kill()
    os.kill(guardian, signal.SIGKILL)
    wait_for(lambda: processes.identity(guardian) is None)
    assert processes.identity(pids[1])
    emr.start()
    wait_for(lambda: not any(processes.identity(pid) for pid in pids))
    status = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert status["State"] == "TERMINATED_WITH_ERRORS"


def test_a_killed_guardian_fails_its_step_and_leaves_nothing(emr):
    cluster, step, pids = emr.run_hanging_step()
    os.kill(guardian_of(pids[0]), signal.SIGKILL)
    wait_for(lambda: not any(processes.identity(pid) for pid in pids))

    def ended() -> dict:
        return emr.client.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]

    wait_for(lambda: ended()["State"] == "FAILED")
    assert "was killed by SIGKILL" in ended()["FailureDetails"]["Reason"]


def test_an_orderly_stop_ends_the_step_and_says_so(emr):
    cluster, _, pids = emr.run_hanging_step()
    emr.process.terminate()
    assert emr.process.wait(DEADLINE_SECONDS) == 0
    emr.process.stdout.close()
    assert not any(processes.identity(pid) for pid in pids)
    emr.start()
    status = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert status["StateChangeReason"]["Message"] == "The local EMR was stopped while the cluster was active"
