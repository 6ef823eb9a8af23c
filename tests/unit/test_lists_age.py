"""What start_retrain tells of the lists' age, before it starts anything."""

from botocore.exceptions import ClientError

from start_retrain import age

NOW = 1_795_173_509  # 2026-11-20T11:18:29Z


class Table:
    """A DynamoDB that holds one publication, or none."""

    def __init__(self, live=None):
        self.item = live and {
            "number": {"N": "4"},
            "version": {"S": live},
            "parts": {"N": "1"},
            "state": {"S": "live"},
            "live_number": {"N": "4"},
            "live_version": {"S": live},
        }

    def get_item(self, **_request):
        return {"Item": self.item} if self.item else {}


class CloudWatch:
    def __init__(self, refuses=False):
        self.refuses = refuses
        self.told = []

    def put_metric_data(self, Namespace, MetricData):  # noqa: N803 (boto3's names)
        if self.refuses:
            raise ClientError({"Error": {"Code": "Throttling", "Message": "too often"}}, "PutMetricData")
        self.told += [(Namespace, each["MetricName"], each["Value"]) for each in MetricData]


def tell(table, cloudwatch):
    return age.tell(table, cloudwatch, "shop-lists", "shop", NOW)


def test_the_age_counts_from_what_the_lists_know_of():
    """Not from when they went live: lists made now of yesterday's orders are a day old."""
    cloudwatch = CloudWatch()
    said = tell(Table(live=f"20261119T111829Z-{NOW}"), cloudwatch)
    assert cloudwatch.told == [("shop", "ListsAgeHours", 24.0)]
    assert said == "the lists are 24.0 hours old"


def test_before_the_first_version_there_is_no_age():
    cloudwatch = CloudWatch()
    assert "no version is live yet" in tell(Table(), cloudwatch)
    assert cloudwatch.told == []


def test_before_a_first_publication_has_closed_there_is_no_age():
    table = Table(live="20261119T111829Z-1")
    table.item["live_version"]["S"] = ""
    assert "no version is live yet" in tell(table, CloudWatch())


def test_a_metric_that_cannot_be_told_stops_nothing_and_is_said():
    said = tell(Table(live="20261119T111829Z-1"), CloudWatch(refuses=True))
    assert said.startswith("the lists' age could not be told: ")
    assert "too often" in said
