"""The EMR request: what it names is made, what it leaves open falls away, and it ends by itself."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from infra import emr_environment, package
from infra.deployment.request import resolved
from infra.local.emr_steps import step_environment
from infra.local.spark_submit import Machine, translate

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "infra" / "emr_retrain.json").read_text()
BUILT = package.artifacts()
KNOWN = {
    "Stack": "shop",
    "Region": "eu-west-1",
    "EmrRelease": "emr-spark-8.1.0",
    "EmrServiceRole": "shop-service",
    "EmrNodeProfile": "shop-nodes",
    "EmrCode": package.emr_folder(BUILT),
    "EmrEnvironment": emr_environment.key(),
    "Subnet": "",
    "Bucket": "shop-bucket",
    "Artifacts": "shop-artifacts",
    "Table": "shop-lists",
    "PathStyle": "false",
}


@pytest.fixture
def request_():
    return resolved(json.loads(TEXT), KNOWN)


def test_it_is_a_request_that_emr_understands(request_):
    shape = get_session().get_service_model("emr").operation_model("RunJobFlow").input_shape
    report = ParamValidator().validate(request_, shape)
    assert report.generate_report() == ""


def test_each_artifact_that_it_names_is_made(request_):
    named = set(re.findall(r"s3://shop-artifacts/([^\s\"]+)", json.dumps(request_)))
    made = {artifact.key for artifact in BUILT.values()} | {emr_environment.key()}
    assert named <= made
    scripts = {Path(key).name for key in named}
    assert scripts >= {"emr_jobs.zip", "ingest.py", "retrain.py", "emr_bootstrap.sh"}


def test_only_the_run_s_own_placeholders_are_left_for_start_retrain(request_):
    assert set(re.findall(r"\$\{(\w+)\}", json.dumps(request_))) == {"Run", "Began"}


def test_without_a_subnet_emr_chooses_and_with_one_it_stands_there(request_):
    assert "Ec2SubnetId" not in request_["Instances"]
    chosen = resolved(json.loads(TEXT), KNOWN | {"Subnet": "subnet-0abc"})
    assert chosen["Instances"]["Ec2SubnetId"] == "subnet-0abc"


def test_it_runs_ingest_and_retrain_and_ends_by_itself_whatever_happens(request_):
    assert [step["Name"] for step in request_["Steps"]] == ["ingest", "retrain"]
    assert {step["ActionOnFailure"] for step in request_["Steps"]} == {"TERMINATE_CLUSTER"}
    assert request_["Instances"]["KeepJobFlowAliveWhenNoSteps"] is False
    assert request_["AutoTerminationPolicy"]["IdleTimeout"] == 3600


def test_nobody_has_a_key_to_its_nodes(request_):
    """EMR's own security groups let in the cluster alone; none of ours stand beside them."""
    instances = request_["Instances"]
    assert not [key for key in instances if "SecurityGroup" in key or key == "Ec2KeyName"]


def test_it_bears_the_cost_tag(request_):
    assert {"Key": "application", "Value": "shop"} in request_["Tags"]


def test_a_step_knows_its_region_where_nothing_else_says_it(request_, tmp_path):
    """On EMR's nodes: botocore asks them for their role, and for no region."""
    step = request_["Steps"][1]["HadoopJarStep"]["Args"]
    translated = translate(
        step, request_["Configurations"], work=tmp_path, machine=Machine(2, 8192), iceberg_conf={}
    )
    nothing = {"PATH": "/usr/bin", "HOME": str(tmp_path)}
    environment = step_environment(nothing, translated.environment, tmp_path, tmp_path)
    told = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert environment.items() >= told.items()
    assert {f"spark.executorEnv.{name}={region}" for name, region in told.items()} <= set(
        translated.arguments
    )
    asked = [sys.executable, "-c", "import boto3; print(boto3.client('dynamodb').meta.region_name)"]
    assert subprocess.check_output(asked, env=environment, text=True) == "eu-west-1\n"


def test_the_steps_python_is_the_one_that_the_bootstrap_lays_down(request_):
    (defaults,) = (
        each["Properties"]
        for each in request_["Configurations"]
        if each["Classification"] == "spark-defaults"
    )
    script = (PROJECT / "infra" / package.EMR_BOOTSTRAP).read_text()
    folder = re.search(r"^folder=(\S+)$", script, re.MULTILINE)[1]
    assert defaults["spark.pyspark.python"] == f"{folder}/bin/python"
