"""What no stream takes, kept on the disk: the offset passes it only after that."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firehose.durable import sync_directory, write_durably


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A directory beside the checkpoint: the bytes in NAME.lines, where they come from in NAME.json."""

    directory: Path

    def keep(self, content: Iterator[bytes], stream: str, reason: str, origin: str) -> Path:
        """Durable on return; `content` may be longer than memory."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        sync_directory(self.directory.parent)
        path = (
            self.directory / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:8]}.lines"
        )
        about = {"stream": stream, "reason": reason, "origin": origin}
        write_durably(path.with_suffix(".json"), json.dumps(about, indent=1).encode())
        with path.open("wb") as file:
            for piece in content:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(self.directory)
        return path
