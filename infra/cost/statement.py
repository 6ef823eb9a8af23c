"""The bill as a person reads it, 80 columns wide, and as a machine does."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.table import Table

from infra import console
from infra.cost import prices, volumes
from infra.cost.plans import Line
from infra.cost.volumes import Shop

_CENT = 0.005
_SERVICES = {"KinesisFirehose": "Firehose", "Logs": "CloudWatch"}
_UNCOUNTED = {"GB", "GB s", "GB h"}


def total(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines)


def table(lines: list[Line]) -> Table:
    """What is under half a cent is named in one row for each service."""
    made = console.table("A month on AWS", "", "what", "amount", "$", right=("amount", "$"))
    made.pad_edge, made.collapse_padding = False, True
    for service, found in groupby(lines, key=_service):
        for place, row in enumerate(_rows(list(found))):
            made.add_row("" if place else service, *row)
    made.add_section()
    made.add_row("", "together", "", f"{total(lines):,.2f}", style="bold")
    return made


def premises(shop: Shop) -> Iterator[str]:
    """What the figures rest on."""
    yield (
        f"{shop.orders_per_day:,} orders a day of {volumes.LINES_PER_ORDER} lines, "
        f"{shop.customers:,} customers, {shop.changed:.1%} of their lists changed each hour, "
        f"{shop.lookups / volumes.MONTH_DAYS:,.0f} lookups a day, a cluster for {shop.run_minutes:g} minutes "
        "each hour; storage as after the first year."
    )
    yield (
        f"List prices of {prices.REGION} as of {prices.AS_OF}, some of them remembered (--json says which): "
        "check them. No free tier, no discount, no tax."
    )


def plain(lines: list[Line], shop: Shop) -> dict[str, Any]:
    """For machines."""
    return {
        "region": prices.REGION,
        "prices_as_of": prices.AS_OF,
        "shop": asdict(shop),
        "lines": [
            {
                "type": line.type,
                "what": line.what,
                "amount": line.amount,
                "per": line.price.per,
                "price": line.price.dollars,
                "price_from": line.price.source,
                "dollars": round(line.dollars, 4),
            }
            for line in lines
        ],
        "total": round(total(lines), 2),
    }


def _service(line: Line) -> str:
    name = line.type.split("::")[1]
    return _SERVICES.get(name, name)


def _rows(found: list[Line]) -> Iterator[tuple[str, str, str]]:
    for line in found:
        if line.dollars >= _CENT:
            yield line.what, _counted(line), f"{line.dollars:,.2f}"
    if small := [line.what for line in found if line.dollars < _CENT]:
        yield "; ".join(small), "", f"{sum(line.dollars for line in found if line.dollars < _CENT):,.2f}"


def _counted(line: Line) -> str:
    """Three digits tell enough."""
    amount, unit = line.amount, line.price.per
    plural = "" if unit in _UNCOUNTED or amount == 1 else "s"
    if amount >= 1e6:  # noqa: PLR2004 (a million)
        return f"{amount / 1e6:,.1f} M {unit}{plural}"
    return f"{amount:,.0f} {unit}{plural}" if amount >= 100 else f"{amount:,.3g} {unit}{plural}"  # noqa: PLR2004
