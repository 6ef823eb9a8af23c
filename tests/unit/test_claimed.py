"""What LocalStack's CloudFormation only claims to have made is made by API."""

import pytest

from infra.deployment import claimed
from infra.deployment.references import Place, References
from infra.deployment.resources import Resource
from infra.deployment.template import Template

NOTHING = References(Template("", {}, {}, {}), "cadabra", Place("1", "us-east-1"), {}, {})
DATABASE = {"DatabaseInput": {"Name": "cadabra", "LocationUri": "s3://bucket/lake/"}}
DASHBOARD = {"DashboardName": "cadabra", "DashboardBody": "{}"}


class Glue:
    class exceptions:  # noqa: N801 (boto3's name)
        class AlreadyExistsException(Exception):  # noqa: N818 (AWS's name)
            pass

    def __init__(self):
        self.databases = {}

    def create_database(self, **asked):
        if asked["DatabaseInput"]["Name"] in self.databases:
            raise self.exceptions.AlreadyExistsException
        self.databases[asked["DatabaseInput"]["Name"]] = asked["DatabaseInput"]

    def update_database(self, **asked):
        self.databases[asked["Name"]] = asked["DatabaseInput"]


class CloudWatch:
    def __init__(self):
        self.dashboards = {}

    def put_dashboard(self, **asked):
        self.dashboards[asked["DashboardName"]] = asked["DashboardBody"]


@pytest.fixture
def services(monkeypatch):
    found = {"glue": Glue(), "cloudwatch": CloudWatch()}
    monkeypatch.setattr(claimed, "client", found.__getitem__)
    return found


def resource(kind, properties, physical="unknown"):
    return Resource("Thing", kind, physical, properties, NOTHING)


def test_a_claimed_database_is_created_under_its_name_and_brought_up_to_date_later(services):
    moved = {"DatabaseInput": DATABASE["DatabaseInput"] | {"LocationUri": "s3://other/lake/"}}
    for properties in (DATABASE, moved):
        (made,) = claimed.made([resource("AWS::Glue::Database", properties)])
        assert made.id == "cadabra"
        assert services["glue"].databases == {"cadabra": properties["DatabaseInput"]}


def test_a_claimed_dashboard_is_put(services):
    (made,) = claimed.made([resource("AWS::CloudWatch::Dashboard", DASHBOARD)])
    assert made.id == "cadabra"
    assert services["cloudwatch"].dashboards == {"cadabra": "{}"}


def test_what_really_stands_stays_as_it_is(services):
    standing = [resource("AWS::Glue::Database", DATABASE, "cadabra"), resource("AWS::SQS::Queue", {}, "url")]
    assert claimed.made(standing) == standing
    assert services["glue"].databases == {}


def test_a_claimed_thing_of_a_type_that_nobody_makes_stays_unknown():
    assert claimed.made([resource("AWS::SQS::Queue", {})])[0].id == "unknown"
