"""How old the lists are that customers see, told to CloudWatch at each start. The alarm is lists-old."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts import publications
from contracts.s3_layout import Version

METRIC = "ListsAgeHours"


def tell(dynamodb: Any, cloudwatch: Any, table: str, namespace: str, now: int) -> str:
    """What to log. A metric stops no run: if it cannot be told, the alarm stays as it was."""
    try:
        age = hours(dynamodb, table, now)
        if age is None:
            return "no version is live yet: the lists have no age"
        told = [{"MetricName": METRIC, "Value": age}]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=told)
    except (BotoCoreError, ClientError) as error:
        return f"the lists' age could not be told: {error}"
    return f"the lists are {age:.1f} hours old"


def hours(dynamodb: Any, table: str, now: int) -> float | None:
    """From what the live version knows of until now; None before the first."""
    known = publications.read(dynamodb, table)
    if known is None or not known.live_version:
        return None
    return (now - Version.parse(known.live_version).as_of.timestamp()) / 3600
