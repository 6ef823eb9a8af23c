"""One customer on the screen: what they bought, from the lake; what is recommended, from the lookup."""

import os
import urllib.parse
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from contracts.order_line import Fate
from contracts.s3_layout import Version
from infra import console
from infra.lake import tables
from infra.lists.lookup_client import Lookup, LookupFailedError
from infra.lists.versions import age
from infra.problem import ProblemError

DOZEN = 12
LOCALSTACK_DOMAIN = "localhost.localstack.cloud"  # every name below it leads to 127.0.0.1
PATIENT_S = 5.0  # a person waits longer than a page: the first request of the day starts the function
_BOUGHT = ("stock_code", "description", "invoice", "time")


class UnknownCustomerError(ProblemError):
    """No list is stored for this customer."""


def lookup_at(function_url: str) -> Lookup:
    """The lookup's client; ministack serves a Function URL under its own address, LocalStack as it is."""
    emulator = os.environ.get("AWS_ENDPOINT_URL")
    host = urllib.parse.urlsplit(function_url).netloc
    if emulator and LOCALSTACK_DOMAIN not in host:
        function_url = f"{emulator}/_aws/lambda-url/{host.partition('.')[0]}"
    return Lookup(function_url, timeout_s=PATIENT_S)


def recommended(answer: dict[str, Any], shown: int) -> Table:
    """The answer of the lookup as a table."""
    title = f"{answer['list']} for {answer['customer']} (from {answer['source']}, {_known(answer)})"
    table = console.table(title, "#", "item", "name", "why", right=("#",))
    for rank, item in enumerate(answer["items"][:shown], 1):
        table.add_row(str(rank), item["code"], item["name"], item["why"])
    return table


def _known(answer: dict[str, Any]) -> str:
    """Which orders the list knows of."""
    if not answer["version"]:
        return "the first version is on its way"
    as_of = Version.parse(answer["version"]).as_of
    return f"knows orders up to {as_of:%Y-%m-%d %H:%M} UTC, {age(as_of)} ago"


def ask(lookup: Lookup, customer: str, name: str, count: int) -> dict[str, Any]:
    try:
        answer = lookup.recommendations(customer, list=name, n=count, names=True, reasons=True)
    except LookupFailedError as error:
        raise ProblemError(str(error)) from error
    if not answer["items"]:
        raise ProblemError("no lists are live yet: run `cadabra retrain` first")
    return answer


def show(lookup: Lookup, customer: str, name: str, count: int) -> None:
    """Print the list; raises UnknownCustomerError after printing what an unknown customer is shown."""
    answer = ask(lookup, customer, name, count)
    console.out.print(recommended(answer, count))
    console.say(f"live version {answer['version']}; this list last changed with {answer['list_version']}")
    if answer["source"] != "customer":
        raise UnknownCustomerError(
            f"customer {customer} has no list of their own (new, or misspelt); "
            "above is what such a visitor is shown"
        )


def bought(customer: str, shown: int) -> Table:
    """The items a customer bought most, with the day of the last time."""
    rows = tables.read("orders", _BOUGHT, {"customer": customer, "fate": Fate.SALE.value})
    if rows is None or not rows.num_rows:
        raise ProblemError(f"customer {customer} bought nothing")
    sums = rows.group_by("stock_code").aggregate(
        [("invoice", "count_distinct"), ("time", "max"), ("description", "max")]
    )
    order = [("invoice_count_distinct", "descending"), ("time_max", "descending")]
    invoices = pc.count_distinct(rows["invoice"]).as_py()
    title = f"{customer} bought {sums.num_rows} items in {invoices} orders; the most often bought"
    table = console.table(title, "item", "name", "orders", "last", right=("orders",))
    for row in sums.sort_by(order).slice(0, shown).to_pylist():
        table.add_row(
            row["stock_code"],
            row["description_max"],
            str(row["invoice_count_distinct"]),
            f"{row['time_max']:%Y-%m-%d}",
        )
    return table


def worth_showing(orders: pa.Table) -> str:
    """A regular of middling size: the customer whose number of orders is nearest to a dozen."""
    known = orders.filter(pc.not_equal(orders["customer"], ""))
    counts = known.group_by("customer").aggregate([("invoice", "count_distinct")]).to_pylist()
    chosen = min(counts, key=lambda row: (abs(row["invoice_count_distinct"] - DOZEN), row["customer"]))
    return str(chosen["customer"])
