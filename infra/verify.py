"""After a deploy each service is asked for its things, because a stack's status proves nothing here.

An emulator can report a stack complete and have left out half of it.
"""

from collections.abc import Callable, Iterator

from infra.clients import client
from infra.problem import ProblemError
from infra.stack import Stack


def everything(stack: Stack) -> Iterator[str]:
    """One line for each thing that is there; raises ProblemError at the first that is not."""
    for what, is_there in _CHECKS.items():
        try:
            found = is_there(stack)
        except client("s3").exceptions.ClientError as error:
            raise ProblemError(f"deployed, but {what} cannot be reached: {error}") from error
        if not found:
            raise ProblemError(f"deployed, but {what} is not there: look at stack {stack.name}, deploy again")
        yield f"{what}: there"


def _bucket(stack: Stack) -> bool:
    """The bucket tells the queue of new parts and catalogues."""
    told = client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    return len(told.get("QueueConfigurations", ())) == 2  # noqa: PLR2004 (publications and the catalogue)


def _stream(stack: Stack) -> bool:
    described = client("firehose").describe_delivery_stream(DeliveryStreamName=stack.stream)
    return bool(described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE")


def _table(stack: Stack) -> bool:
    described = client("dynamodb").describe_table(TableName=stack.table)
    return bool(described["Table"]["TableStatus"] == "ACTIVE")


def _database(_stack: Stack) -> bool:
    return bool(client("glue").get_database(Name="cadabra")["Database"])


def _function(name: str) -> Callable[[Stack], bool]:
    def has_code(stack: Stack) -> bool:
        function = client("lambda").get_function(FunctionName=f"{stack.name}-{name}")
        return bool(function["Configuration"]["CodeSize"])

    return has_code


def _messages(stack: Stack) -> bool:
    found = client("lambda").list_event_source_mappings(FunctionName=f"{stack.name}-publish")
    return any(mapping["State"] == "Enabled" for mapping in found["EventSourceMappings"])


def _rule(stack: Stack) -> bool:
    found = client("events").list_targets_by_rule(Rule=f"{stack.name}-every-hour")
    return bool(found["Targets"])


_CHECKS: dict[str, Callable[[Stack], bool]] = {
    "the bucket and its notifications": _bucket,
    "the delivery stream": _stream,
    "the lake's database": _database,
    "the hourly rule": _rule,
    "start_retrain": _function("start-retrain"),
    "the table": _table,
    "publish": _function("publish"),
    "the queue that feeds publish": _messages,
    "lookup": _function("lookup"),
}
