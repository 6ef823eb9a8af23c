"""`cadabra erase CUSTOMER`: a customer is suppressed at once, erased by a run, then searched for."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime

from contracts import erasure
from contracts.erasure import Request
from contracts.lists import customer_key
from contracts.order_line import is_customer
from contracts.s3_layout import ERASURE_REQUESTS, receipt_key
from infra import run
from infra.clients import client
from infra.lake import search
from infra.problem import ProblemError
from infra.stack import Stack
from infra.step_logs import StepFolder

Say = Callable[[str], None]

WILL_BE_DONE = """\
This erases a customer for good, from raw order lines to what is served:
  at once: the customer's list is no longer served, and never written again
  by a run that starts now: the order lines in S3, in place; the lake's tables, with all their snapshots;
  every version's lists and models; publications; what Firehose could not deliver
  for ever: lines of the customer that arrive later are erased as they land
There is no way back: neither a rollback nor the tables' history brings anything of it again."""


class StillFoundError(ProblemError):
    """The search afterwards found the customer."""


def check_customer(customer: str) -> None:
    if not is_customer(customer):
        raise ProblemError(
            f"{customer!r} is no customer id, no order line can hold it: letters, digits and ._@:+- only"
        )


def erase(stack: Stack, customer: str, say: Say, live: StepFolder | None = None) -> None:
    """Killed anywhere, it ends when run again, or with the next hourly run. Raises StillFoundError."""
    request = ask(stack, customer)
    say(f"from here on the customer is refused and not served, as {request.spoken}")
    run.run(stack, {}, say, live, wait=True)
    unserve(stack, customer)  # a publisher may have been in the middle of writing it
    say(receipt(stack, request))
    verify(stack, customer, say)


def ask(stack: Stack, customer: str) -> Request:
    """Suppressed, noted for the next run, and not served any more."""
    s3 = client("s3")
    request = erasure.suppress(s3, stack.bucket, stack.artifacts, customer, datetime.now(UTC))
    try:  # an erasure that was begun and killed goes on
        body = s3.get_object(Bucket=stack.bucket, Key=request.key)["Body"].read()
        request = Request(**json.loads(body))
    except s3.exceptions.NoSuchKey:
        item = client("dynamodb").get_item(TableName=stack.table, Key=_served(customer), ConsistentRead=True)
        request = replace(request, found={"served_items": int("Item" in item)})
        s3.put_object(Bucket=stack.bucket, Key=request.key, Body=json.dumps(asdict(request)).encode())
    unserve(stack, customer)
    return request


def unserve(stack: Stack, customer: str) -> None:
    client("dynamodb").delete_item(TableName=stack.table, Key=_served(customer))


def _served(customer: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": customer_key(customer)}}


def receipt(stack: Stack, request: Request) -> str:
    """What the receipt says; it is there when the run has done its work."""
    s3, key = client("s3"), receipt_key(request.hash, datetime.fromisoformat(request.asked))
    try:
        text: str = s3.get_object(Bucket=stack.bucket, Key=key)["Body"].read().decode()
    except s3.exceptions.NoSuchKey as error:
        raise ProblemError(
            f"the run ended without a receipt, s3://{stack.bucket}/{key}: the request stays in "
            f"{ERASURE_REQUESTS}. Erase again: it goes on where it was"
        ) from error
    removed = sum(json.loads(text)["removed"].values())
    found = "" if removed else "nothing was found of this customer; what may come late is refused\n"
    return f"{found}s3://{stack.bucket}/{key}\n{text}"


def verify(stack: Stack, customer: str, say: Say) -> None:
    """Search everything; raises StillFoundError."""
    searched = search.everywhere(stack, customer)
    if searched.found:
        raise StillFoundError(
            f"the customer is found in {len(searched.found)} places: {'; '.join(searched.found[:10])}. "
            "Erase again, when no publication is on its way"
        )
    say(f"not found: {searched.objects:,} objects of S3 and what is served were searched")
    for key in searched.unreadable:
        say(f"could not be searched, since it cannot be read: s3://{stack.bucket}/{key}")
