"""What runs: the clusters that EMR starts each hour, and the Lambdas."""

from infra.cost import prices
from infra.cost.plans import Line, Lines, Plans
from infra.cost.prices import GB
from infra.cost.volumes import ANSWER_BYTES, LOOKUP_SECONDS, PART_SECONDS, START_SECONDS, Shop
from infra.problem import ProblemError

EMR = "AWS::EMR::Cluster"  # not of the template: start_retrain sends the request


class UnpricedError(ProblemError):
    """A machine of the request whose price is not here."""


def cluster(planned: Plans) -> Lines:
    hours = planned.shop.cluster_hours
    for group in planned.fleet:
        if group.type not in prices.INSTANCE_HOUR:
            known = ", ".join(prices.INSTANCE_HOUR)
            raise UnpricedError(
                f"no price of {group.type} is in infra/cost/prices.py, which has {known}: add it there"
            )
        machine, service = prices.INSTANCE_HOUR[group.type]
        market = ", at most (spot)" if group.spot else ""
        yield Line(EMR, f"{group.count} {group.type}{market}", group.count * hours, machine)
        yield Line(EMR, "EMR's own part of it", group.count * hours, service)
        yield Line(EMR, "its disks", group.count * hours * group.disk_gb, prices.DISK_GB_HOUR)
        yield Line(EMR, "its public address", group.count * hours, prices.ADDRESS_HOUR)


def functions(planned: Plans) -> Lines:
    kind, shop = "AWS::Lambda::Function", planned.shop
    for function in planned.all(kind):
        name = str(planned.get(function, "FunctionName")).removeprefix("cadabra-")
        calls, seconds = _work(shop, name)
        memory = int(planned.get(function, "MemorySize") or 128) / 1024
        processor = (planned.get(function, "Architectures") or ["x86_64"])[0]
        yield Line(kind, f"{name}: calls", calls, prices.LAMBDA_REQUEST)
        yield Line(kind, f"{name}: work", calls * seconds * memory, prices.LAMBDA_GB_SECOND[processor])


def _work(shop: Shop, name: str) -> tuple[float, float]:
    """How often a function is called in a month, and how many seconds a call takes."""
    known = {
        "start-retrain": (shop.runs, START_SECONDS),
        "publish": (shop.parts, PART_SECONDS),
        "lookup": (shop.lookups, LOOKUP_SECONDS),
    }
    return known.get(name, (shop.runs, START_SECONDS))  # another one is called by the run, or beside it


def url(planned: Plans) -> Lines:
    for _ in planned.all("AWS::Lambda::Url"):
        volume = planned.shop.lookups * ANSWER_BYTES / GB
        yield Line("AWS::Lambda::Url", "answers to a shop outside AWS", volume, prices.TRANSFER_OUT_GB)
