"""The template deployed to the local AWS: each resource is asked for, and its notices reach who listens."""

import json
import time

import boto3
import pytest
from botocore.exceptions import WaiterError

from contracts import publications
from infra import clients, package
from infra.deployment import resources, template, verify
from tests import local_emr

STACK = "shop"
CODE = "shop-code"
DEADLINE_S = 30
RUN = 1_795_173_509
CLUSTER = f"{STACK}-retrain-{RUN}"


@pytest.fixture(scope="module", autouse=True)
def _own_account(local_aws):  # noqa: ARG001 (its environment is changed here)
    """The emulator takes twelve digits for an account: what other tests have made is not in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "210987654321")
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers who it was
        clients.forget()
        yield
    clients.forget()


@pytest.fixture(scope="module")
def stack():
    """All of it, through Kinesis too and with an address, so that no condition leaves a resource out."""
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
        "OrdersSource": "kinesis",
        "Mail": "shop@example.com",
    }
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=template.read().text,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


@pytest.fixture
def notice(stack):
    """`notice(words)`: the next one with these words that comes to a subscriber of the topic."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=f"subscriber-{time.monotonic_ns()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=stack["Notices"], Protocol="sqs", Endpoint=arn)
    return lambda words: next_notice(sqs, url, words)


def next_notice(sqs, url, words):
    deadline, others = time.monotonic() + DEADLINE_S, []
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
            said = json.loads(message["Body"])["Message"]
            if words in said:
                return said
            others.append(said)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return pytest.fail(f"no notice with {words!r}; there came {others}")


@pytest.fixture(scope="module")
def emr(tmp_path_factory, stack):  # noqa: ARG001 (the stack's rules are there before its events)
    """The local EMR, as `cadabra up` starts it."""
    with local_emr.running(tmp_path_factory.mktemp("emr")) as client:
        yield client


def start(emr, *steps, name=CLUSTER, stays=False):
    group = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    return emr.run_job_flow(
        Name=name,
        ReleaseLabel="emr-spark-8.1.0",
        Applications=[{"Name": "Spark"}],
        JobFlowRole="nodes",
        ServiceRole="service",
        Instances={"InstanceGroups": [group], "KeepJobFlowAliveWhenNoSteps": stays},
        Steps=[
            {
                "Name": step,
                "ActionOnFailure": "TERMINATE_CLUSTER",
                "HadoopJarStep": {
                    "Jar": "command-runner.jar",
                    "Args": ["spark-submit", "--deploy-mode", "client", "s3://no-such-bucket/ingest.py"],
                },
            }
            for step in steps
        ],
    )["JobFlowId"]


def test_every_resource_is_there_when_its_service_is_asked(stack):  # noqa: ARG001 (it was deployed)
    wanted = template.read()
    standing, unlisted = resources.of_stack(STACK, wanted)
    assert unlisted == []
    assert {one.name: verify.wrong(one) for one in standing if verify.wrong(one)} == {}
    assert {one.name for one in standing} == set(wanted.resources)


def test_a_failed_step_is_told_with_its_run_its_name_and_what_to_do(emr, notice):
    cluster = start(emr, "ingest")
    said = notice("FAILED")
    (step,) = emr.list_steps(ClusterId=cluster)["Steps"]
    assert f"{STACK}: ingest has FAILED" in said
    assert CLUSTER in said  # the run's number is in the cluster's name
    assert f"aws emr describe-step --cluster-id {cluster} --step-id {step['Id']}" in said
    assert f"/logs/emr/{cluster}/steps/{step['Id']}/stderr.gz, then stdout.gz" in said
    assert "docs/operations.md, A failed run" in said
    assert "cadabra retrain" in said
    assert "<" not in said  # no placeholder is left


def told_of_the_end(code):
    """An event as EMR sends it when a cluster has ended for this reason."""
    message = f"Amazon EMR Cluster j-{code} ({CLUSTER}) has terminated at noon with a reason of {code}."
    reason = json.dumps({"code": code, "message": "why"})
    named = {"name": CLUSTER, "clusterId": f"j-{code}", "message": message}
    detail = {"state": "TERMINATED_WITH_ERRORS", "stateChangeReason": reason, **named}
    event = {"Source": "local.emr", "DetailType": "EMR Cluster State Change", "Detail": json.dumps(detail)}
    boto3.client("events").put_events(Entries=[event])


def test_a_cluster_that_nobody_ended_is_told(notice):
    told_of_the_end("BOOTSTRAP_FAILURE")
    said = notice("has ended before its steps")
    assert f"({CLUSTER}) has terminated at" in said
    assert "aws emr describe-cluster --cluster-id j-BOOTSTRAP_FAILURE" in said


def test_a_cluster_that_ends_with_its_failed_step_or_when_asked_is_not_told(emr, notice):
    failed, kept = start(emr, "retrain"), start(emr, stays=True)
    emr.terminate_job_flows(JobFlowIds=[kept])
    with pytest.raises(WaiterError, match="TERMINATED_WITH_ERRORS"):
        emr.get_waiter("cluster_terminated").wait(ClusterId=failed, WaiterConfig={"Delay": 0.1})
    emr.get_waiter("cluster_terminated").wait(ClusterId=kept, WaiterConfig={"Delay": 0.1})
    told_of_the_end("INSTANCE_FAILURE")
    assert "j-INSTANCE_FAILURE" in notice("has ended before its steps")  # theirs were earlier


def test_another_clusters_end_is_nobodys_notice(emr, notice):
    start(emr, "ingest", name="somebody-elses")
    mine = start(emr, "ingest")
    assert mine in notice("FAILED")


def test_a_retrain_that_ended_well_is_told(notice):
    message = f"Step s-1 (retrain) in Amazon EMR cluster j-1 ({CLUSTER}) completed execution at noon."
    detail = {
        "state": "COMPLETED",
        "name": "retrain",
        "stepId": "s-1",
        "clusterId": "j-1",
        "message": message,
    }
    event = {"Source": "local.emr", "DetailType": "EMR Step Status Change", "Detail": json.dumps(detail)}
    boto3.client("events").put_events(Entries=[event])
    assert message in notice("a retrain has ended well")


def test_lists_that_grow_old_raise_their_alarm(stack, notice):
    """start_retrain tells their age: here of a version that knows of 20 November 2026 only."""
    dynamodb, table = boto3.client("dynamodb"), stack["Table"]
    publications.open_(dynamodb, table, 1, "20201120T110000Z-1", 1)
    publications.close(dynamodb, table, 1, "20201120T110000Z-1")
    answer = boto3.client("lambda").invoke(FunctionName=stack["StartRetrain"], Payload=b"{}")
    assert "errorMessage" in json.load(answer["Payload"])
    assert json.loads(notice("lists-old"))["NewStateValue"] == "ALARM"


MAY = [
    ("DeliveryRole", "s3:PutObject", "orders/year=2026/a.gz"),
    ("StartRetrainRole", "s3:GetObject", "code/artifacts/emr_retrain.json"),
    ("EmrNodeRole", "s3:PutObject", "lake/orders/data.parquet"),
    ("EmrNodeRole", "s3:GetObject", "code/keys/erasure.key"),
    ("EmrNodeRole", "dynamodb:UpdateItem", "table"),
    ("EmrNodeRole", "dynamodb:Scan", "table"),
    ("PublishRole", "s3:GetObject", "publications/0000000001/part-00001-of-00001.jsonl.gz"),
    ("PublishRole", "s3:PutObject", "publications/0000000001/closed.json"),
    ("PublishRole", "dynamodb:BatchWriteItem", "table"),
    ("LookupRole", "dynamodb:BatchGetItem", "table"),
]
MAY_NOT = [
    ("DeliveryRole", "s3:PutObject", "lists/of-mine"),
    ("DeliveryRole", "s3:GetObject", "orders/year=2026/a.gz"),
    ("StartRetrainRole", "s3:GetObject", "orders/year=2026/a.gz"),
    ("StartRetrainRole", "s3:GetObject", "code/keys/erasure.key"),
    ("StartRetrainRole", "dynamodb:DeleteItem", "table"),
    ("EmrNodeRole", "s3:PutObject", "code/artifacts/emr_retrain.json"),
    ("EmrNodeRole", "dynamodb:DeleteTable", "table"),
    ("PublishRole", "s3:GetObject", "orders/year=2026/a.gz"),
    ("PublishRole", "s3:PutObject", "publications/0000000001/part-00001-of-00001.jsonl.gz"),
    ("LookupRole", "dynamodb:PutItem", "table"),
    ("LookupRole", "s3:GetObject", "lists/of-anyone"),
]


@pytest.mark.parametrize(
    ("role", "action", "thing", "decision"),
    [(*case, "allowed") for case in MAY] + [(*case, "implicitDeny") for case in MAY_NOT],
)
def test_a_role_may_what_its_work_needs_and_no_more(stack, role, action, thing, decision):
    cloudformation, iam = boto3.client("cloudformation"), boto3.client("iam")
    made = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=role)
    name = made["StackResourceDetail"]["PhysicalResourceId"]
    answer = iam.simulate_principal_policy(
        PolicySourceArn=iam.get_role(RoleName=name)["Role"]["Arn"],
        ActionNames=[action],
        ResourceArns=[arn_of(thing, stack)],
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] == decision


def arn_of(thing, stack):
    if thing == "table":
        return boto3.client("dynamodb").describe_table(TableName=stack["Table"])["Table"]["TableArn"]
    if thing.startswith("code/"):
        return f"arn:aws:s3:::{stack['Artifacts']}/{thing.removeprefix('code/')}"
    return f"arn:aws:s3:::{stack['Bucket']}/{thing}"
