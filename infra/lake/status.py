"""What `cadabra status` looks at: the ledger, what has arrived, what is live, the run that holds the lease.

How it is said stands in infra/lake/status_report.py.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from contracts import lease, publications, s3_layout
from contracts.publications import State
from contracts.s3_layout import Version
from infra.clients import client, s3_files
from infra.console import counted
from infra.lake import arrivals, tables
from infra.lake.arrivals import Arrived, Silence, Waiting
from infra.lake.ledger import Account, accounts_of
from infra.lists import card_summary
from infra.stack import Stack

_KEY = pa.large_string()
_ENDED = {"TERMINATED", "TERMINATED_WITH_ERRORS"}


@dataclass(frozen=True)
class Run:
    """Who holds the lease, and what EMR says of its cluster."""

    number: int
    cluster: str
    deadline: datetime
    state: str  # of the cluster; empty while it has none

    @property
    def ended(self) -> bool:
        return self.state in _ENDED or self.state == "UNKNOWN"


@dataclass(frozen=True)
class Status:
    """Everything that `cadabra status` looks at."""

    now: datetime
    accounts: list[Account]
    newest_order: datetime | None
    newest_run: datetime | None  # when the newest object came into the ledger
    untaken: Waiting
    silence: Silence
    firehose_errors: Waiting
    live_version: str
    live_card: str  # its model card in a line
    open_publication: str
    run: Run | None
    dead_letters: int

    @property
    def agrees(self) -> bool:
        return all(account.agrees for account in self.accounts)

    @property
    def healthy(self) -> bool:
        """What the exit code says."""
        return self.agrees and not self.dead_letters


def look(stack: Stack) -> Status:
    """Ask everybody, at once where one need not wait for another."""
    for service in ("s3", "glue", "dynamodb", "sqs"):
        client(service)  # made one by one: boto3 makes no two clients at once
    s3_files()
    with ThreadPoolExecutor() as pool:
        objects = pool.submit(_objects, stack, s3_layout.ORDERS)
        errors = pool.submit(_objects, stack, s3_layout.FIREHOSE_ERRORS)
        letters = pool.submit(dead_letters, stack)
        run = pool.submit(active, stack)
        published = pool.submit(publications.read, client("dynamodb"), stack.table)
        ledger = _ledger()
        newest_order = tables.newest_order()
        taken = pc.is_in(_keys(objects.result()), ledger["object"].cast(_KEY)).to_pylist()
        publication = published.result()
        return Status(
            now=datetime.now(UTC),
            accounts=list(accounts_of(ledger)),
            newest_order=newest_order,
            newest_run=pc.max(ledger["ingested"]).as_py(),
            untaken=Waiting.of(each for each, done in zip(objects.result(), taken, strict=True) if not done),
            silence=arrivals.silence(objects.result()),
            firehose_errors=Waiting.of(errors.result()),
            live_version=publication.live_version if publication else "",
            live_card=_card(stack, publication),
            open_publication=_open(publication),
            run=run.result(),
            dead_letters=letters.result(),
        )


def _ledger() -> pa.Table:
    columns = ("object", "sources", "ingested")
    empty = pa.schema(
        [("object", pa.string()), ("sources", pa.null()), ("ingested", pa.timestamp("us", "UTC"))]
    )
    found = tables.read("ledger", columns)
    return empty.empty_table() if found is None else found


def _keys(objects: list[Arrived]) -> pa.Array:
    return pa.array([found.key for found in objects], _KEY)


def _objects(stack: Stack, prefix: str) -> list[Arrived]:
    return list(arrivals.listed(client("s3"), s3_files(), stack.bucket, prefix))


def _card(stack: Stack, publication: Any) -> str:
    if not publication or not publication.live_version:
        return ""
    return card_summary.summary(client("s3"), stack.bucket, Version.parse(publication.live_version))


def _open(publication: Any) -> str:
    if not publication or publication.state != State.OPEN:
        return ""
    done = f"{len(publication.done)} of {counted(publication.parts, 'part')}"
    return f"publication {publication.number} of {publication.version} is open: {done} in"


def active(stack: Stack) -> Run | None:
    """The run that holds the lease, whatever has become of it."""
    held = lease.read(client("dynamodb"), stack.table)
    if held is None or held.free:
        return None
    state = _cluster_state(held.cluster) if held.cluster else ""
    deadline = datetime.fromtimestamp(held.deadline, UTC)
    if not held.cluster and held.deadline <= time.time():
        return None  # it never got a cluster
    return Run(held.number, held.cluster, deadline, state)


def _cluster_state(cluster: str) -> str:
    emr = client("emr")
    try:
        return str(emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"])
    except emr.exceptions.InvalidRequestException:  # a cluster nobody knows runs nowhere
        return "UNKNOWN"


def dead_letters(stack: Stack) -> int:
    answer = client("sqs").get_queue_attributes(
        QueueUrl=stack.publish_dead_letters, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def read_accounts() -> list[Account]:
    return list(accounts_of(_ledger()))
