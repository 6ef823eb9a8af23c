"""Files that are on the disk when the call returns; the agent and the delivery endpoint both stand on it."""

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """The whole new content or the whole old one, whatever is killed; durable on return."""
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)


def remove_durably(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Names created, renamed or removed in this directory are durable on return."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
