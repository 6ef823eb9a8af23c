"""Training beside its peers: CPU, wall, memory, and held-out purchases found. `python -m bench.als [--full]`

140,000 customers x 20,000 items, rank 64, ten iterations. Ours and `implicit` in alternation, medians of CPU
seconds; MLlib, and our kernel over Spark, on a tenth of the customers (--full: on all, and growth
from one to 30 million pairs). Exits 1 where a budget is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import sparse

from bench import purchases
from emr_jobs.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = PROJECT / ".venv-bench" / "bin" / "python"  # `make bench` sets it up
ROUNDS = 3
WARM_ITERATIONS = Settings().warm_iterations
ITERATIONS = 10
NEW_SHARE = 0.003  # of the pairs: what an hour adds
TOP = 20
JUDGED = 30_000  # customers whose held-out pair is looked for
BLOCK = 500  # of them scored at once
SURE = 1.96  # standard errors
GROWTH = (1_000_000, 3_000_000, 10_000_000, 30_000_000)
PAIRS_A_CUSTOMER = 68

IMPLICIT_OVER_OURS, MLLIB_OVER_OURS, WARM_OVER_COLD = 2.5, 40.0, 0.25


@dataclass(frozen=True)
class Shop:
    known: sparse.csr_matrix
    held: np.ndarray
    data: Path

    @classmethod
    def of(cls, folder: Path, name: str, matrix: sparse.csr_matrix) -> "Shop":
        known, held = purchases.hold_out(matrix)
        return cls(known, held, purchases.save(folder, name, known))


@dataclass(frozen=True)
class Run:
    cpu: float
    wall: float
    peak: float  # MiB, of all its processes
    added: float  # MiB of it, by the training
    losses: list[float]
    factors: Path


@dataclass(frozen=True)
class Budget:
    what: str
    value: float
    wanted: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        verdict = "met" if self.met else f"MISSED by {abs(self.value - self.wanted):.4g}"
        return f"{self.what}: {self.value:.4g}, wanted {bound} {self.wanted:.4g}: {verdict}"


def main() -> int:
    options = _options()
    if not PEERS_PYTHON.exists():
        print(f"implicit is not installed in {PEERS_PYTHON.parents[1]}: run `make bench`", file=sys.stderr)
        return 1
    table = Table("training", "CPU s", "wall s", "peak MiB", "of it training", f"recall@{TOP}", "loss")
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as name:
        folder = Path(name)
        whole = purchases.purchases(options.customers, options.items, options.pairs)
        shop = Shop.of(folder, "whole", whole)
        table.title = _size(shop)
        cold, budgets = beside_implicit(folder, shop, table)
        if options.full:
            budgets += over_spark(folder, shop, table, cold)
        else:
            some = Shop.of(folder, "tenth", whole[: options.customers // 10])
            table.add_section()
            table.add_row(_size(some))
            ours = train("ours", some, folder / "ours-tenth.npz")
            row(table, "ours", some, [ours])
            budgets += over_spark(folder, some, table, ours)
        if options.full:
            growth(folder, options.items, table)
    Console(width=110).print(table)
    print(*budgets, sep="\n")
    return 0 if all(budget.met for budget in budgets) else 1


def beside_implicit(folder: Path, shop: Shop, table: Table) -> tuple[Run, list[Budget]]:
    last_hour = purchases.save(folder, "last-hour", purchases.without(shop.known, NEW_SHARE))
    older = train("ours", Shop(shop.known, shop.held, last_hour), folder / "last-hour-factors.npz")
    runs: dict[str, list[Run]] = {"ours": [], "implicit": [], "warm": []}
    for _ in range(ROUNDS):  # in alternation: what else the machine does slows all of them
        runs["ours"].append(train("ours", shop, folder / "ours.npz"))
        runs["implicit"].append(train("implicit", shop, folder / "implicit.npz"))
        start = ["--start", str(older.factors), "--iterations", str(WARM_ITERATIONS)]
        runs["warm"].append(train("ours", shop, folder / "warm.npz", *start))
    found = row(table, "ours, cold", shop, runs["ours"])
    warm = runs["warm"][-1]
    what = f"ours, warm, {WARM_ITERATIONS} iteration after +{NEW_SHARE:.1%}"
    row(table, what, shop, runs["warm"])
    theirs = row(table, "implicit 0.7.3, CG", shop, runs["implicit"])
    cpu = {name: median(run.cpu for run in several) for name, several in runs.items()}
    cold = sorted(runs["ours"], key=lambda run: run.cpu)[ROUNDS // 2]
    return cold, [
        Budget("implicit / our CPU", cpu["implicit"] / cpu["ours"], IMPLICIT_OVER_OURS, at_least=True),
        not_worse("implicit", found, theirs),
        Budget("warm / cold CPU", cpu["warm"] / cpu["ours"], WARM_OVER_COLD, at_least=False),
        Budget("warm / cold loss", warm.losses[-1] / cold.losses[-1], 1.0, at_least=False),
    ]


def over_spark(folder: Path, shop: Shop, table: Table, ours: Run) -> list[Budget]:
    found = hits(shop, ours.factors)
    spread = train("spark", shop, folder / "spark.npz")
    row(table, "ours over Spark, local[2]", shop, [spread])
    mllib = train("mllib", shop, folder / "mllib.npz")
    theirs = row(table, "Spark MLlib, local[2]", shop, [mllib])
    print(f"our kernel over Spark / in one process: {spread.cpu / ours.cpu:.1f} x the CPU")
    return [
        Budget("MLlib / our CPU", mllib.cpu / ours.cpu, MLLIB_OVER_OURS, at_least=True),
        not_worse("MLlib", found, theirs),
        Budget(
            "loss over Spark / in one process", spread.losses[-1] / ours.losses[-1], 1.00001, at_least=False
        ),
    ]


def growth(folder: Path, items: int, table: Table) -> None:
    table.add_section()
    for pairs in GROWTH:
        shop = Shop.of(folder, "grown", purchases.purchases(pairs // PAIRS_A_CUSTOMER, items, pairs))
        row(
            table,
            f"ours, {shop.known.nnz:,} pairs",
            shop,
            [train("ours", shop, folder / "grown-factors.npz")],
        )


def train(name: str, shop: Shop, factors: Path, *arguments: str) -> Run:
    """One training in a process of its own; BLAS keeps to one thread, the trainers' own threads are two."""
    python = PEERS_PYTHON if name == "implicit" else Path(sys.executable)
    command = [str(python), "-m", "bench.trainers", name, "--data", str(shop.data), "--factors", str(factors)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    command += ["--iterations", str(ITERATIONS), *arguments]
    ended = subprocess.run(
        command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    figures: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return Run(**figures, factors=factors)


def hits(shop: Shop, factors: Path) -> np.ndarray:
    """Of each customer judged, whether the held-out item is among the best twenty of what they lack."""
    with np.load(factors) as held:
        customers, items = held["customers"], held["items"]
    rows = np.flatnonzero(shop.held != purchases.NOBODY)[:JUDGED]
    found = []
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        scores = customers[block] @ items.T
        wanted = scores[np.arange(len(block)), shop.held[block]]
        scores[shop.known[block].nonzero()] = -np.inf
        found.append((scores > wanted[:, None]).sum(axis=1) < TOP)
    return np.concatenate(found)


def row(table: Table, what: str, shop: Shop, runs: list[Run]) -> np.ndarray:
    """A row of the table from the medians; the answer is whom it found."""
    found = hits(shop, runs[-1].factors)
    cells = [median(getattr(run, name) for run in runs) for name in ("cpu", "wall", "peak", "added")]
    loss = f"{runs[-1].losses[-1]:,.0f}" if runs[-1].losses else ""
    said = [f"{cells[0]:.1f}", f"{cells[1]:.1f}", f"{cells[2]:,.0f}", f"{cells[3]:,.0f}"]
    table.add_row(what, *said, f"{found.mean():.4f}", loss)
    print(f"{what}: {said[0]} CPU s, {said[1]} wall s, recall@{TOP} {found.mean():.4f}", flush=True)
    return found


def not_worse(peer: str, ours: np.ndarray, theirs: np.ndarray) -> Budget:
    """Ours finds as many as the peer: paired by customer, the difference is not surely below zero."""
    difference = ours.astype(float) - theirs
    doubt = SURE * difference.std() / np.sqrt(len(difference))
    what = f"recall@{TOP} over {peer}'s, {difference.mean():+.4f} ± {doubt:.4f}: its upper end"
    return Budget(what, float(difference.mean() + doubt), 0.0, at_least=True)


def _size(shop: Shop) -> str:
    return f"{shop.known.shape[0]:,} customers x {shop.known.shape[1]:,} items, {shop.known.nnz:,} pairs"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.als", description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=140_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument(
        "--pairs", type=int, default=9_630_000, help="one a customer is held out (%(default)s)"
    )
    parser.add_argument(
        "--full", action="store_true", help="MLlib on all of it, and growth to 30 million pairs"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
