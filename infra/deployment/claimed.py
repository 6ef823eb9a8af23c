"""What LocalStack's CloudFormation reports as created and cannot make: deploy makes it by API.

A type that it does not know gets the id `unknown`. The Glue beside it is a ministack, which no stack reaches.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from infra.clients import client
from infra.deployment.resources import Resource

NO_ID = "unknown"


@dataclass(frozen=True)
class Maker:
    name: Callable[[Resource], str]
    put: Callable[[Resource], object]


def made(resources: list[Resource]) -> list[Resource]:
    """The same resources; those that were only claimed are there now, each under its own name."""
    return [_made(each) if each.id == NO_ID and each.type in _MAKERS else each for each in resources]


def _made(resource: Resource) -> Resource:
    maker = _MAKERS[resource.type]
    maker.put(resource)
    return replace(resource, id=maker.name(resource))


def _put_database(database: Resource) -> None:
    glue = client("glue")
    wanted = database.get("DatabaseInput")
    try:
        glue.create_database(DatabaseInput=wanted)
    except glue.exceptions.AlreadyExistsException:
        glue.update_database(Name=wanted["Name"], DatabaseInput=wanted)


def _put_dashboard(dashboard: Resource) -> None:
    name, body = dashboard.get("DashboardName"), dashboard.get("DashboardBody")
    client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)


_MAKERS = {
    "AWS::Glue::Database": Maker(lambda made: str(made.get("DatabaseInput")["Name"]), _put_database),
    "AWS::CloudWatch::Dashboard": Maker(lambda made: str(made.get("DashboardName")), _put_dashboard),
}
