"""Which source a log folder belongs to and how far its sequence has got: `register.json`, beside the logs.

Ids are never used twice and never skipped, kill -9 included: the last whole line of the newest log is the
truth. The register only bounds it, for the day the logs were taken away: `settled` was surely written,
nothing above `reserved` was.
"""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from log_generator.errors import RegisterError

NAME = "register.json"
RESERVED_AT_ONCE = 1_000_000  # ids: one durable write for each million lines


@dataclass(frozen=True, slots=True)
class Register:
    source: str
    settled: int = 0
    reserved: int = 0
    about: dict[str, Any] = field(
        default_factory=dict
    )  # what the writer must know to go on: the shop, the file

    def covering(self, sequence: int) -> "Register":
        return replace(self, reserved=max(self.reserved, sequence + RESERVED_AT_ONCE))

    def settling(self, sequence: int) -> "Register":
        return replace(self, settled=sequence, reserved=sequence)

    def save(self, folder: Path) -> None:
        write_durably(folder / NAME, json.dumps(asdict(self), indent=2).encode() + b"\n")


def read_register(folder: Path) -> Register | None:
    path = folder / NAME
    try:
        return Register(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise RegisterError(
            f"{path} is no register ({error}). Without it the ids already used are unknown: "
            "restore it, or write to another folder"
        ) from error


def write_durably(path: Path, content: bytes) -> None:
    """The whole new content or the whole old one, whatever happens in between."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
