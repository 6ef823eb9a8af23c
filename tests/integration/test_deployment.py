"""Deploy and destroy on the embedded target: what stands, what is kept, what is asked for afterwards."""

import json
import os

import boto3
import pytest

from contracts.s3_layout import ERASURE_KEY
from infra import cli, clients, target
from infra.deployment import deploy, destroy, emptying, environment, network, stack_state
from infra.local import stack as local
from infra.problem import ProblemError

CODE = "cadabra-artifacts-000000000000-us-east-1"
BUCKET = "cadabra-000000000000-us-east-1"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A local AWS of these tests alone; the environment is put back."""
    data, before = tmp_path_factory.mktemp("embedded"), dict(os.environ)
    found = target.embedded(local.environment(local.start(data)))
    found.enter()
    boto3.DEFAULT_SESSION = None
    tag_network()
    yield found
    local.stop(data)
    os.environ.clear()
    os.environ.update(before)
    boto3.DEFAULT_SESSION = None
    clients.forget()


def tag_network():
    """As EMR's policy asks for it of a network of AWS."""
    ec2 = boto3.client("ec2")
    vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    ec2.create_tags(Resources=[*vpcs, *subnets], Tags=[network.TAG])


@pytest.fixture
def stack(embedded):
    return deploy.deploy(embedded, quiet)


def quiet(_line):
    pass


def agreed(_plan):
    pass


class NoError(ProblemError):
    """The person said no."""


def refused(*_shown):
    raise NoError


def taken_down(embedded, *, with_data=False):
    said = []
    destroy.destroy(embedded, said.append, agreed, with_data=with_data)
    return said


def buckets():
    return {bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]}


def test_what_the_emulator_drops_is_set_by_api(stack):
    rules = boto3.client("s3").get_bucket_lifecycle_configuration(Bucket=stack.bucket)["Rules"]
    by_id = {rule["ID"]: rule for rule in rules}
    assert by_id["raw-orders"]["Filter"] == {"Prefix": "orders/"}
    assert by_id["raw-orders"]["Expiration"] == {"Days": 1095}
    assert by_id["raw-orders"]["Transitions"] == [{"Days": 60, "StorageClass": "STANDARD_IA"}]
    backups = boto3.client("dynamodb").describe_continuous_backups(TableName=stack.table)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_second_deploy_changes_nothing_and_asks_nobody(embedded, stack):
    said = []
    assert deploy.deploy(embedded, said.append, approve=refused) == stack
    assert "stack cadabra: as it should be already" in said
    assert not any("set by API" in line for line in said)


def test_parameters_stay_until_another_file_says_otherwise(embedded, stack, tmp_path):
    def buffer_seconds():
        described = boto3.client("firehose").describe_delivery_stream(DeliveryStreamName=stack.stream)
        (destination,) = described["DeliveryStreamDescription"]["Destinations"]
        return destination["ExtendedS3DestinationDescription"]["BufferingHints"]["IntervalInSeconds"]

    assert buffer_seconds() == 2  # the target's own
    (tmp_path / "shop.toml").write_text("BufferSeconds = 7")
    deploy.deploy(embedded, quiet, file=tmp_path / "shop.toml")
    assert buffer_seconds() == 7
    deploy.deploy(embedded, quiet)
    assert buffer_seconds() == 7
    (tmp_path / "shop.toml").write_text("")
    deploy.deploy(embedded, quiet, file=tmp_path / "shop.toml")
    assert buffer_seconds() == 2


def test_a_change_that_is_not_approved_is_not_made(embedded, stack, tmp_path):
    (tmp_path / "shop.toml").write_text("LateListsHours = 3")
    with pytest.raises(NoError):
        deploy.deploy(embedded, quiet, file=tmp_path / "shop.toml", approve=refused)
    described = boto3.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    standing = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert standing["LateListsHours"] == "26"


def test_a_thing_that_was_taken_away_by_hand_is_named(embedded, stack):
    cloudwatch = boto3.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["cadabra-lists-old"])["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=["cadabra-lists-old"])
    with pytest.raises(ProblemError, match="ListsOld is not there"):
        deploy.deploy(embedded, quiet)
    taken_down(embedded)
    deploy.deploy(embedded, quiet)
    (again,) = cloudwatch.describe_alarms(AlarmNames=["cadabra-lists-old"])["MetricAlarms"]
    assert again["Threshold"] == alarm["Threshold"]
    assert stack.table


def test_a_function_with_other_code_than_deployed_is_named(embedded, stack):
    functions, name = boto3.client("lambda"), f"{stack.name}-lookup"
    (key,) = [
        each["Key"]
        for each in boto3.client("s3").list_objects_v2(Bucket=CODE, Prefix="artifacts/publish-")["Contents"]
    ]
    functions.update_function_code(FunctionName=name, S3Bucket=CODE, S3Key=key)
    with pytest.raises(ProblemError, match="Lookup does not have the code of artifacts/lookup-"):
        deploy.deploy(embedded, quiet)
    taken_down(embedded)


def test_destroying_ends_a_running_cluster_and_keeps_the_orders(embedded, stack):
    emr, s3 = boto3.client("emr"), boto3.client("s3")
    s3.put_object(Bucket=stack.bucket, Key="orders/one.gz", Body=b"an order")
    boto3.client("glue").create_table(DatabaseName="cadabra", TableInput={"Name": "orders"})
    cluster = emr.run_job_flow(
        Name=f"{stack.name}-retrain-1",
        ReleaseLabel="emr-spark-8.1.0",
        Applications=[{"Name": "Spark"}],
        ServiceRole=stack.emr_service_role,
        JobFlowRole=stack.emr_node_profile,
        Instances={"MasterInstanceType": "m5.xlarge", "KeepJobFlowAliveWhenNoSteps": True},
    )["JobFlowId"]

    said = taken_down(embedded)
    assert f"ending cluster {cluster}" in said
    assert emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"].startswith("TERMINATED")
    assert stack_state.state(stack.name) == stack_state.ABSENT
    assert buckets() == {BUCKET}
    assert s3.get_object(Bucket=BUCKET, Key="orders/one.gz")["Body"].read() == b"an order"
    assert said[-1].endswith(f"nothing is left. s3://{BUCKET} stays")

    again = []
    deploy.deploy(embedded, again.append)
    assert f"bucket {BUCKET} outlived its stack and is taken into the new one" in again
    assert s3.get_object(Bucket=BUCKET, Key="orders/one.gz")["Body"].read() == b"an order"
    s3.delete_object(Bucket=BUCKET, Key="orders/one.gz")


@pytest.mark.usefixtures("stack")
def test_destroying_twice_is_fine(embedded):
    first, second = taken_down(embedded), taken_down(embedded)
    assert "stack cadabra is taken down" in first
    assert second == [first[-1]]


def test_destroying_goes_on_after_it_was_killed(embedded, stack, monkeypatch):
    def killed(*_arguments, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(emptying, "empty", killed)
        with pytest.raises(KeyboardInterrupt):
            taken_down(embedded)
    assert stack_state.state(stack.name) == stack_state.ABSENT
    assert CODE in buckets()
    taken_down(embedded)
    assert buckets() == {BUCKET}


def test_what_is_not_approved_is_not_destroyed(embedded, stack):
    with pytest.raises(NoError):
        destroy.destroy(embedded, quiet, refused, with_data=True)
    assert stack_state.stands(stack.name)
    assert buckets() == {BUCKET, CODE}


def test_the_key_of_the_erased_stays_as_long_as_the_orders(embedded, stack):
    s3 = boto3.client("s3")
    s3.put_object(Bucket=stack.artifacts, Key=ERASURE_KEY, Body=b"k" * 32)
    taken_down(embedded)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=CODE)["Contents"]] == [ERASURE_KEY]
    taken_down(embedded, with_data=True)
    assert buckets() == set()


def test_with_its_data_nothing_is_left_of_any_version(embedded, stack):
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=stack.bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=stack.bucket, Key="orders/one.gz", Body=body)
    s3.delete_object(Bucket=stack.bucket, Key="orders/one.gz")
    s3.create_multipart_upload(Bucket=stack.bucket, Key="orders/half.gz")
    said = taken_down(embedded, with_data=True)
    assert f"s3://{BUCKET} removed, with 3 objects" in said
    assert buckets() == set()
    assert boto3.client("sqs").list_queues().get("QueueUrls", []) == []
    assert boto3.client("lambda").list_functions()["Functions"] == []


def test_a_first_deploy_that_is_not_approved_leaves_nothing(embedded):
    taken_down(embedded, with_data=True)
    with pytest.raises(NoError):
        deploy.deploy(embedded, quiet, approve=refused)
    assert stack_state.state("cadabra") == stack_state.ABSENT
    assert buckets() == set()


def test_a_bucket_that_outlived_its_stack_stays_as_it_is_until_somebody_agrees(embedded):
    deploy.deploy(embedded, quiet)
    taken_down(embedded)
    with pytest.raises(NoError):
        deploy.deploy(embedded, quiet, consent=refused)
    assert stack_state.state("cadabra") == stack_state.ABSENT
    assert buckets() == {BUCKET}


def test_each_deploy_sets_the_bucket_of_the_code_up(embedded, stack):
    s3 = boto3.client("s3")
    s3.delete_public_access_block(Bucket=stack.artifacts)
    s3.delete_bucket_policy(Bucket=stack.artifacts)
    s3.delete_bucket_tagging(Bucket=stack.artifacts)
    deploy.deploy(embedded, quiet)
    block = s3.get_public_access_block(Bucket=stack.artifacts)["PublicAccessBlockConfiguration"]
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=stack.artifacts)["Policy"])["Statement"]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=stack.artifacts)["Rules"]
    assert set(block.values()) == {True}
    assert statement["Resource"] == [f"arn:aws:s3:::{CODE}", f"arn:aws:s3:::{CODE}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert s3.get_bucket_tagging(Bucket=stack.artifacts)["TagSet"] == [
        {"Key": "application", "Value": "cadabra"}
    ]
    ageing = [rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule]
    assert ageing == ["artifacts/template-"]  # never code: what is live may be old


def test_on_aws_a_network_that_emr_may_not_use_is_said_before_anything_is_done(embedded, capsys):
    taken_down(embedded, with_data=True)
    ec2 = boto3.client("ec2")
    (vpc,) = (vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"])
    ec2.delete_tags(Resources=[vpc], Tags=[network.TAG])
    try:
        assert as_aws("deploy", "--yes") == 1
    finally:
        tag_network()
    assert f"aws ec2 create-tags --resources {vpc} --tags" in capsys.readouterr().err
    assert stack_state.state("cadabra") == stack_state.ABSENT
    assert buckets() == set()


def as_aws(*arguments):
    """The command as it goes to AWS, which here is the same emulator; nobody is at the terminal."""
    return cli.main(["--target", "aws", *arguments])


def test_on_aws_a_first_deploy_shows_its_changes_and_its_cost_and_waits_for_a_yes(embedded, capsys):
    taken_down(embedded, with_data=True)
    assert as_aws("deploy") == 1
    shown, error = capsys.readouterr()
    assert "account 000000000000, region us-east-1" in shown
    assert "What changes in stack cadabra" in shown
    assert "A month on AWS" in shown
    assert "nothing was changed: nobody is here to confirm it" in error
    assert stack_state.state("cadabra") == stack_state.ABSENT
    assert buckets() == set()


@pytest.mark.usefixtures("stack")
def test_on_aws_destroying_waits_for_a_yes(capsys):
    assert as_aws("destroy") == 1
    shown, error = capsys.readouterr()
    assert f"stays: s3://{BUCKET}" in shown
    assert "nothing was removed: nobody is here to confirm it" in error
    assert stack_state.stands("cadabra")


def test_on_aws_a_setting_that_does_not_stand_is_an_error_and_is_not_mended(embedded, stack, monkeypatch):
    boto3.client("s3").delete_bucket_lifecycle(Bucket=stack.bucket)
    monkeypatch.setattr(environment, "put", lambda _bucket, _say: None)  # wheels are fetched for it
    with pytest.raises(ProblemError, match="the lifecycle of Bucket is not set"):
        deploy.deploy(target.aws(), quiet)
    said = []
    deploy.deploy(embedded, said.append)
    assert any("set by API" in line and "the lifecycle of Bucket" in line for line in said)


@pytest.mark.usefixtures("embedded")
def test_a_misspelt_region_is_named_with_the_one_that_was_meant(monkeypatch, capsys):
    monkeypatch.setenv("AWS_REGION", "eu-wset-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # AWS_REGION wins, and this is put back
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert as_aws("deploy") == 1
    assert "no EMR in the region eu-wset-1. Did you mean eu-west-1?" in capsys.readouterr().err
