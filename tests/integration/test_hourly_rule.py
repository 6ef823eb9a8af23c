"""The hourly rule, start_retrain and the local EMR together: a whole run, a second start, a hung run."""

import gzip
import json
import time
from datetime import UTC, datetime

import boto3
import pytest

from contracts import lease, publications, s3_layout
from infra import clients, package, target
from infra import stack as stacks
from infra.deployment import request, template
from tests import local_emr

NAME = "hourly"
CODE = "hourly-code"
DEADLINE_S = 300
HANGS = "import time; print('hangs', flush=True); time.sleep(600)"
BOUGHT = {"17850": "85123A 22633 84879", "13047": "85123A 22633", "12583": "22633 84879", "17511": "84879"}


@pytest.fixture(scope="module", autouse=True)
def _own_account(local_aws):  # noqa: ARG001 (its environment is changed here)
    """The emulator takes twelve digits for an account: what other tests have made is not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "310987654321")
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers who it was
        clients.forget()
        yield
    clients.forget()


@pytest.fixture(scope="module")
def emr(tmp_path_factory):
    """The local EMR, as `cadabra up` starts it."""
    with local_emr.running(tmp_path_factory.mktemp("emr")) as client:
        yield client


@pytest.fixture(scope="module")
def stack(emr):
    """The template with its rule asleep, the artifacts, and the request as deploy resolves it."""
    built = package.artifacts()
    s3, cloudformation = boto3.client("s3"), boto3.client("cloudformation")
    s3.create_bucket(Bucket=CODE)
    for artifact in built.values():
        s3.put_object(Bucket=CODE, Key=artifact.key, Body=artifact.content)
    given = {
        "Artifacts": CODE,
        "PublishCode": built["publish"].key,
        "LookupCode": built["lookup"].key,
        "StartRetrainCode": built["start_retrain"].key,
        "EmrEndpoint": emr.meta.endpoint_url,
    }
    cloudformation.create_stack(
        StackName=NAME,
        TemplateBody=template.read().text,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    boto3.client("events").disable_rule(Name=f"{NAME}-every-hour")
    found = stacks.find(NAME)
    request.put(target.Target(target.EMBEDDED), found, built)
    return found


def start(stack):
    answer = boto3.client("lambda").invoke(FunctionName=stack.start_retrain, Payload=b"{}")
    return json.load(answer["Payload"])


def until(what, look):
    deadline = time.monotonic() + DEADLINE_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


def state(emr, cluster):
    return emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]


def land_orders(bucket):
    """One object of order lines, as Firehose writes it."""
    now = datetime.now(UTC)
    lines = [
        f"{invoice},{code},A THING,2,{now:%Y-%m-%d} 00:00,1.50,{customer},France,hourly-{invoice}{place}"
        for invoice, (customer, codes) in enumerate(BOUGHT.items(), 536_365)
        for place, code in enumerate(codes.split())
    ]
    key = f"orders/year={now:%Y}/month={now:%m}/day={now:%d}/hour={now:%H}/hourly-1.gz"
    body = gzip.compress("\n".join([*lines, ""]).encode())
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def test_the_hourly_rule_starts_a_real_retrain_and_a_second_start_is_refused(stack, emr):
    """The emulator's clock fires rates of a minute and up; the rule keeps its target."""
    land_orders(stack.bucket)
    events, dynamodb = boto3.client("events"), boto3.client("dynamodb")
    events.put_rule(Name=f"{NAME}-every-hour", ScheduleExpression="rate(1 minute)", State="ENABLED")
    held = until("the rule", lambda: lease.read(dynamodb, stack.table))
    events.disable_rule(Name=f"{NAME}-every-hour")
    held = until("its cluster", lambda: (now := lease.read(dynamodb, stack.table)).cluster and now)

    refused = start(stack)
    assert (refused["started"], refused["run"]) == (False, held.number)
    assert f"run {held.number} is active (on cluster {held.cluster})" in refused["message"]

    until("the end of the run", lambda: state(emr, held.cluster).startswith("TERMINATED"))
    steps = emr.list_steps(ClusterId=held.cluster)["Steps"]
    ended = {step["Name"]: step["Status"]["State"] for step in steps}
    assert ended == {"ingest": "COMPLETED", "retrain": "COMPLETED"}
    live = publications.read(dynamodb, stack.table).live_version
    assert s3_layout.Version.parse(live).run == held.number
    assert len(emr.list_clusters()["Clusters"]) == 1


@pytest.fixture
def hanging(stack):
    """The request with a step that never ends, and a deadline that has passed at once."""
    s3, functions = boto3.client("s3"), boto3.client("lambda")
    sent = s3.get_object(Bucket=CODE, Key=s3_layout.EMR_REQUEST)["Body"].read()
    hangs = json.loads(sent)
    hangs["Steps"] = hangs["Steps"][:1]
    hangs["Steps"][0]["HadoopJarStep"]["Args"] = ["spark-submit", f"s3://{CODE}/hangs.py"]
    s3.put_object(Bucket=CODE, Key="hangs.py", Body=HANGS.encode())
    s3.put_object(Bucket=CODE, Key=s3_layout.EMR_REQUEST, Body=json.dumps(hangs).encode())
    own = functions.get_function_configuration(FunctionName=stack.start_retrain)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=stack.start_retrain, Environment={"Variables": own | {"RUN_SECONDS": "0"}}
    )
    yield
    s3.put_object(Bucket=CODE, Key=s3_layout.EMR_REQUEST, Body=sent)
    functions.update_function_configuration(FunctionName=stack.start_retrain, Environment={"Variables": own})


def test_a_hung_run_past_its_deadline_is_ended_and_replaced(stack, emr, hanging):  # noqa: ARG001 (it hangs)
    first = start(stack)
    until("the step", lambda: state(emr, first["cluster"]) == "RUNNING")
    second = start(stack)
    assert second["started"] is True
    assert (
        f"past its deadline, cluster {first['cluster']} was ended; run {second['run']} started"
        in second["message"]
    )
    assert state(emr, first["cluster"]) == "TERMINATED"
    assert lease.read(boto3.client("dynamodb"), stack.table).cluster == second["cluster"]
    emr.terminate_job_flows(JobFlowIds=[second["cluster"]])
