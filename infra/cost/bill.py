"""What a month costs at this order volume, line by line, from the template's resources and the EMR request.

Each type of resource stands either in BILLED, with the lines it makes, or in FREE.
"""

from collections.abc import Callable

from infra.cost import landing, running, serving, watching
from infra.cost.plans import Line, Lines, Plans


def of(planned: Plans) -> list[Line]:
    """Every line, in the order of the data."""
    return [line for billed in BILLED.values() for line in billed(planned)]


BILLED: dict[str, Callable[[Plans], Lines]] = {
    "AWS::Kinesis::Stream": landing.kinesis,
    "AWS::KinesisFirehose::DeliveryStream": landing.firehose,
    "AWS::S3::Bucket": landing.bucket,
    running.EMR: running.cluster,
    "AWS::Lambda::Function": running.functions,
    "AWS::Lambda::Url": running.url,
    "AWS::DynamoDB::Table": serving.table,
    "AWS::SQS::Queue": serving.queues,
    "AWS::SNS::Topic": serving.topic,
    "AWS::KMS::Key": serving.keys,
    "AWS::Logs::LogGroup": watching.logs,
    "AWS::Logs::MetricFilter": watching.metrics,
    watching.METRIC: watching.own_metrics,
    "AWS::CloudWatch::Alarm": watching.alarms,
    "AWS::CloudWatch::Dashboard": watching.dashboards,
}
FREE = frozenset(
    {
        "AWS::Events::Rule",  # schedules, and events that AWS itself sends
        "AWS::Glue::Database",  # up to a million entries
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",  # its asking is the queue's line
        "AWS::Lambda::Permission",
        "AWS::Logs::LogStream",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",  # its mails are the topic's line
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
)
