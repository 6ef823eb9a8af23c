"""What serves the lists, and what tells of them: the table, the queues, the topic."""

from infra.cost import prices
from infra.cost.plans import Line, Lines, Plans
from infra.cost.prices import GB
from infra.cost.volumes import ITEM_BYTES, QUEUE_POLLS


def table(planned: Plans) -> Lines:
    kind, shop = "AWS::DynamoDB::Table", planned.shop
    units = -(-ITEM_BYTES // 1024)
    stored = shop.customers * ITEM_BYTES / GB
    for table in planned.all(kind):
        yield Line(kind, "lists that changed, written", shop.items_written * units, prices.DYNAMODB_WRITE)
        yield Line(kind, "and read back", shop.items_written, prices.DYNAMODB_READ)
        yield Line(kind, "lookups", shop.lookups / 2, prices.DYNAMODB_READ)
        yield Line(kind, "the lists, stored", stored, prices.DYNAMODB_GB_MONTH)
        if planned.get(table, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"):
            yield Line(kind, "their recovery", stored, prices.DYNAMODB_RECOVERY_GB_MONTH)


def queues(planned: Plans) -> Lines:
    if planned.all("AWS::SQS::Queue"):
        asked = 3 * planned.shop.parts + QUEUE_POLLS * len(planned.all("AWS::Lambda::EventSourceMapping"))
        yield Line("AWS::SQS::Queue", "messages, and asking for them", asked, prices.SQS_REQUEST)


def topic(planned: Plans) -> Lines:
    """A notice or two of each run."""
    for _ in planned.all("AWS::SNS::Topic"):
        yield Line("AWS::SNS::Topic", "notices", 2 * planned.shop.runs, prices.SNS_REQUEST)
    for _ in planned.all("AWS::SNS::Subscription"):
        yield Line("AWS::SNS::Subscription", "mails", 2 * planned.shop.runs, prices.SNS_MAIL)


def keys(planned: Plans) -> Lines:
    kind = "AWS::KMS::Key"
    if count := len(planned.all(kind)):
        yield Line(kind, "the topic's key", count, prices.KEY_MONTH)
