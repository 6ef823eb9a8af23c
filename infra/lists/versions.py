"""The versions that S3 holds, on the screen: what each knows of, what it changed, what its gate said."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from contracts import history, publications
from contracts.history import Note, NothingBeforeError
from contracts.publications import Publication, State
from contracts.s3_layout import Version
from infra import console
from infra.clients import client
from infra.lists.put_live import card
from infra.stack import Stack


@dataclass(frozen=True, slots=True)
class Row:
    """One whole version."""

    version: Version
    customers: int
    changed: int | None  # items that first putting it live wrote or removed; None where it never was
    metrics: str  # the backtest's
    gate: str
    refused: str  # why, where the gate refused it
    current: str  # live, or open while it is on its way


def show(stack: Stack, shown: int) -> None:
    """Print the newest versions, and where a rollback would go."""
    known = publications.read(client("dynamodb"), stack.table)
    noted = list(history.notes(client("s3"), stack.bucket))
    stored = history.versions(client("s3"), stack.bucket)
    shown = max(1, shown)
    found = list(rows(stack.bucket, stored[-shown:], known, noted))
    if not found:
        console.say("there is no version yet: `cadabra retrain` makes one")
        return
    console.out.print(_table(found))
    for row in found:
        if row.refused:
            console.say(f"{row.version} was refused: {row.refused}")
    if len(stored) > shown:
        console.say(f"{len(stored) - shown} older ones are stored: -n shows more")
    console.say(_way_back(known, noted, stored))


def rows(bucket: str, stored: list[Version], known: Publication | None, noted: list[Note]) -> Iterator[Row]:
    """Newest first; a version without a card is not whole and is left out."""
    for version in reversed(stored):
        if found := card(bucket, version):
            live = [note for note in noted if note.version == version and note.went_live]
            yield Row(
                version,
                found["coverage"]["customers"],
                live[-1].items if live else None,
                _metrics(found),
                "passed" if found["gate"]["passed"] else "refused",
                "" if found["gate"]["passed"] else "; ".join(found["gate"]["reasons"]),
                _current(version, known),
            )


def _table(found: list[Row]) -> Table:
    """As wide as a terminal of 80 columns: the time a version knows of is the first half of its name."""
    columns = ("", "version", "age", "lists", "changed", "NDCG", "gate")
    table = console.table("Versions", *columns, right=("age", "lists", "changed"))
    table.columns[1].no_wrap = True
    table.pad_edge, table.collapse_padding = False, True
    for row in found:
        table.add_row(
            row.current,
            str(row.version),
            age(row.version.as_of),
            f"{row.customers:,}",
            "-" if row.changed is None else f"{row.changed:,}",
            row.metrics,
            row.gate,
        )
    return table


def age(as_of: datetime) -> str:
    """How old, in the largest unit of which there are two."""
    minutes = max(0, int((datetime.now(UTC) - as_of).total_seconds() // 60))
    for name, size in (("d", 24 * 60), ("h", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {name}"
    return f"{minutes} min"


def _way_back(known: Publication | None, noted: list[Note], stored: list[Version]) -> str:
    try:
        return f"`cadabra rollback` would go to {history.version_before(known, noted, stored)}"
    except NothingBeforeError as error:
        return f"no rollback: {error}"


def _metrics(card: dict[str, Any]) -> str:
    """The backtest's NDCG of for_you and discover; empty where the run made none."""
    backtest = card.get("trial") or {}
    return " ".join(f"{figure:.3f}".lstrip("0") for figure in backtest.get("ndcg", {}).values())


def _current(version: Version, known: Publication | None) -> str:
    if known and known.state == State.OPEN and known.version == str(version):
        return "open"
    return "live" if known and known.live_version == str(version) else ""
