"""What an alternating model is to whoever drives it: halves.py over many tasks, alone.py in one."""

from typing import Any, Protocol

from emr_jobs.als.kernel import Floats
from emr_jobs.explicit.blocks import Block


class Solver(Protocol):
    """How a model solves rows; it travels to the tasks."""

    def prepared(self, fold: int, other: Floats) -> Any:
        """What the rows of one side have in common."""

    def solve(self, block: Block, prepared: Any, other: Floats, rows: Floats) -> None:
        """Solve `rows`, in place, for the ratings of the block."""
