"""Taking a deployment down: what runs is ended, what costs is removed, and each service is asked afterwards.

The bucket with the orders stays unless its data is given up too. Killed anywhere, it goes on when run again.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from contracts.s3_layout import ERASURE_KEY
from infra.clients import client
from infra.console import counted
from infra.deployment import account, adopt, artifacts, clusters, emptying, resources, stack_state, template
from infra.deployment.checks import absent
from infra.deployment.references import Place, UnresolvedError
from infra.deployment.resources import Resource
from infra.deployment.template import Template
from infra.deployment.verify import wrong
from infra.problem import ProblemError
from infra.stack import DEFAULT_NAME
from infra.target import Target

_STREAM = "AWS::KinesisFirehose::DeliveryStream"
STILL_HELD = (
    "what Firehose has taken and not put to S3 yet may be lost: stop the agents first, and wait "
    "BufferSeconds and a minute more"
)
SETTLE_S, POLL_S = 120, 0.5  # what a service has promised to delete may still be seen for a while
Say = Callable[[str], None]
Approve = Callable[["Plan"], None]


@dataclass(frozen=True)
class Plan:
    """What goes and what stays, said before anything is done."""

    stack: str
    place: Place
    with_data: bool
    erasure_key: bool  # there is one, and without it nobody can tell whose late lines to erase
    firehose_forgets: bool  # AWS promises nothing for what a stream holds when it is deleted

    @property
    def bucket(self) -> str:
        return adopt.bucket_name(self.stack, self.place)

    @property
    def code(self) -> str:
        return artifacts.bucket_name(self.stack, self.place)

    @property
    def keeps_key(self) -> bool:
        return self.erasure_key and not self.with_data

    def lines(self) -> Iterator[str]:
        yield f"stack {self.stack}, account {self.place.account}, region {self.place.region}"
        yield "goes:  a cluster that runs, every resource of the stack, the tables' entries in the catalogue"
        rest = f", all but {ERASURE_KEY}" if self.keeps_key else ""
        yield f"goes:  the artifacts in s3://{self.code}{rest}"
        if self.with_data:
            yield f"goes:  s3://{self.bucket} with ALL ORDERS, LISTS AND MODELS, every version of them"
            return
        if self.firehose_forgets:
            yield f"risk:  {STILL_HELD}"
        yield f"stays: s3://{self.bucket}, the truth; `cadabra deploy` and `cadabra rebuild` bring all back"
        if self.keeps_key:
            yield f"stays: s3://{self.code}/{ERASURE_KEY}, which ingest needs for the erased customers"


def destroy(target: Target, say: Say, approve: Approve, *, with_data: bool, name: str = DEFAULT_NAME) -> None:
    """`approve` is shown the plan and raises where nothing is to be done."""
    wanted, place = template.read(), account.enter(target)
    erasure_key = _has_erasure_key(artifacts.bucket_name(name, place))
    plan = Plan(name, place, with_data, erasure_key, firehose_forgets=not target.own_firehose)
    approve(plan)
    named = resources.by_name(name, wanted, place)
    _each(named, "AWS::Events::Rule", lambda name: client("events").disable_rule(Name=name))
    clusters.end(name, say)
    _drop_tables(wanted, say)
    if stack_state.state(name) != stack_state.ABSENT:
        say(f"stack {name} is taken down")
        stack_state.remove(name)
    if target.own_firehose:  # firehose/delivery's own, which CloudFormation does not know
        _each(named, _STREAM, lambda name: client("firehose").delete_delivery_stream(DeliveryStreamName=name))
    emptying.empty(plan.code, say, keep=ERASURE_KEY if plan.keeps_key else "")
    if with_data:
        emptying.empty(plan.bucket, say)
    clusters.end(name, say)  # one that was being started while the stack went
    _await_end(plan, named, say)


def _has_erasure_key(bucket: str) -> bool:
    try:
        client("s3").head_object(Bucket=bucket, Key=ERASURE_KEY)
    except ClientError as error:
        if absent(error):
            return False
        raise
    return True


def _drop_tables(wanted: Template, say: Say) -> None:
    """The catalogue's entries of the lake's tables, which are not the template's; their files are in S3."""
    for database in wanted.of_type("AWS::Glue::Database").values():
        name, glue = database["DatabaseInput"]["Name"], client("glue")
        for table in _tables(name):
            glue.delete_table(DatabaseName=name, Name=table)
            say(f"table {name}.{table} left the catalogue")


def _tables(database: str) -> list[str]:
    try:
        pages = list(client("glue").get_paginator("get_tables").paginate(DatabaseName=database))
    except ClientError as error:
        if absent(error):
            return []
        raise
    return [table["Name"] for page in pages for table in page["TableList"]]


def _each(named: list[Resource], kind: str, call: Callable[[str], object]) -> None:
    """Call with the name of each resource of a type; what is not there any more is no error."""
    for resource in (one for one in named if one.type == kind):
        try:
            call(resource.id)
        except ClientError as error:
            if not absent(error):
                raise


def _stands(resource: Resource) -> bool:
    try:
        if resource.type == "AWS::SQS::Queue":  # known by its name here, and elsewhere by its URL
            client("sqs").get_queue_url(QueueName=resource.id)
            return True
        if resource.type == "AWS::SNS::Topic":
            place = resource.references.place
            arn = f"arn:{place.partition}:sns:{place.region}:{place.account}:{resource.id}"
            client("sns").get_topic_attributes(TopicArn=arn)
            return True
        return not wrong(resource).startswith("is not there")
    except UnresolvedError:  # it is there, and is asked about things that are not
        return True
    except ClientError as error:
        if absent(error):
            return False
        raise


def _await_end(plan: Plan, named: list[Resource], say: Say) -> None:
    """Until each service says that nothing is left which costs; raises ProblemError where something stays."""
    deadline = time.monotonic() + SETTLE_S
    while remains := list(_remains(plan, named)):
        if time.monotonic() > deadline:
            raise ProblemError(
                f"still there, and it costs: {', '.join(remains)}. Run `cadabra destroy` again; what stays "
                "then belongs to somebody else, or may not be removed with these credentials"
            )
        time.sleep(POLL_S)
        # A function that was still at work when its log group went has made it anew.
        _each(named, "AWS::Logs::LogGroup", lambda name: client("logs").delete_log_group(logGroupName=name))
    stays = "" if plan.with_data or not adopt.bucket_exists(plan.bucket) else f" s3://{plan.bucket} stays"
    say(f"asked for each of {counted(len(named), 'thing')} that cost: nothing is left.{stays}")


def _remains(plan: Plan, named: list[Resource]) -> Iterator[str]:
    kept = "" if plan.with_data else plan.bucket
    yield from (f"{each.type} {each.id}" for each in named if each.id != kept and _stands(each))
    if not plan.keeps_key and adopt.bucket_exists(plan.code):
        yield f"bucket {plan.code}"
