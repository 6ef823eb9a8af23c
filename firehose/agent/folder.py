"""The folder of a flow's files, as it is at this moment."""

import fnmatch
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

COMPRESSED = (".gz", ".bz2", ".zip")  # the Amazon Kinesis Agent passes these over too
Files = list[tuple[Path, os.stat_result]]


@dataclass(frozen=True, slots=True)
class Folder:
    directory: Path
    name_pattern: str

    def matching(self) -> Files:
        """The flow's own files, the oldest first."""
        return self._listed(lambda name: fnmatch.fnmatchcase(name, self.name_pattern))

    def all(self) -> Files:
        """Every file: what was rotated may have got any name."""
        return self._listed(lambda _name: True)

    def _listed(self, wanted: Callable[[str], bool]) -> Files:
        found = []
        try:
            names = os.listdir(self.directory)  # noqa: PTH208 (names are matched before paths are made)
        except FileNotFoundError:
            return []  # the shop has not written yet
        for name in names:
            if wanted(name) and not name.lower().endswith(COMPRESSED):
                path = self.directory / name
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # renamed in this moment: the next scan finds it
                if stat.S_ISREG(status.st_mode):
                    found.append((path, status))
        return sorted(found, key=lambda entry: (entry[1].st_mtime_ns, entry[0].name))
