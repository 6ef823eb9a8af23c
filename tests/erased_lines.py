"""Order lines of a customer who is to be erased, and the rows of an object that holds them."""

from datetime import UTC, datetime

from contracts import erasure
from contracts.erasure import Suppression, keyed_hash
from emr_jobs.lake.objects import RawObject, blocks
from emr_jobs.lake.order_rows import landed_rows

KEY = bytes(range(32))
ANNA = "anna-4711"
WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def line(customer, event_id, description="Lamp"):
    return f"500001,10001,{description},2,2026-11-20T11:00:00Z,2.50,{customer},France,{event_id}\n".encode()


def found(content, key="orders/2026/11/20/12/a.gz"):
    return RawObject(key, "etag", len(content), WHEN, WHEN)


def rows(content, suppression=erasure.NOBODY):
    batches = landed_rows(found(content), blocks([content]), UTC, suppression)
    return [row for batch in batches for row in batch.to_pylist()]


def suppressing(*customers):
    return Suppression(KEY, frozenset(keyed_hash(KEY, customer) for customer in customers))
