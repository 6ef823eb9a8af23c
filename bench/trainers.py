"""One trainer, one training, in a process of its own: bench.als runs it for each measurement.

    python -m bench.trainers NAME --data FILE --factors FILE

Only the training is measured. What compiles or starts (kernels, the JVM) does so before, on a little data.
The figures are the last line, as JSON. `implicit` runs under an interpreter that has only it.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bench import purchases
from bench.demo import family
from bench.usage import TICKS_PER_S, ticks

Factors = tuple[np.ndarray, np.ndarray]
# What training answers: the factors, and the losses where the trainer tells them.
Work = Callable[[sparse.csr_matrix, int], tuple[Factors, list[float]]]

RANK = 64
# The same weight for a pair bought, 1 + 2, by each one's own way to say it; and to each its own ridge, of
# those tried the one that found most of the pairs held out at 140,000 x 20,000.
PURCHASE_WEIGHT = 2.0
OUR_RIDGE = 0.001  # times a row's pairs + the other side's length
IMPLICIT_RIDGE = 50.0
MLLIB_RIDGE = 0.01  # times a row's pairs
LITTLE = 50  # customers, before the clock runs


def main() -> None:
    options = _options()
    ratings = purchases.load(options.data)
    with _trainer(options) as train:
        train(ratings[:LITTLE], 1)
        at_start, cpu, wall = _peak_mib(), _cpu_seconds(), time.perf_counter()
        factors, losses = train(ratings, options.iterations)
        figures = {
            "cpu": _cpu_seconds() - cpu,
            "wall": time.perf_counter() - wall,
            "peak": _peak_mib(),
            "added": _peak_mib() - at_start,
            "losses": losses,
        }
    np.savez(options.factors, customers=factors[0], items=factors[1])
    print(json.dumps(figures))


@contextmanager
def _trainer(options: argparse.Namespace) -> Iterator[Work]:
    if options.name == "implicit":
        yield _implicit
    elif options.name == "ours":
        yield lambda ratings, iterations: _ours(ratings, iterations, options.start, options.enough_gain)
    else:
        with _session() as spark:
            yield lambda ratings, iterations: _over(spark, options.name, ratings, iterations)


def _implicit(ratings: sparse.csr_matrix, iterations: int) -> tuple[Factors, list[float]]:
    from implicit.als import AlternatingLeastSquares

    weight = 1 + PURCHASE_WEIGHT
    model = AlternatingLeastSquares(
        RANK, regularization=IMPLICIT_RIDGE, alpha=weight, iterations=iterations, random_state=0
    )
    model.fit(ratings, show_progress=False)
    return (model.user_factors, model.item_factors), []


def _ours(
    ratings: sparse.csr_matrix, iterations: int, start: Path | None, enough_gain: float
) -> tuple[Factors, list[float]]:
    from emr_jobs.als import local

    arguments = _arguments(ratings, ridge_pair_weight=1.0, ridge=OUR_RIDGE)
    if start and len(arguments["customers"]) > LITTLE:
        with np.load(start) as last:
            arguments |= {"customers": last["customers"], "items": last["items"]}
    return _result(local.fit, arguments | {"iterations": iterations, "enough_gain": enough_gain})


def _over(spark: Any, name: str, ratings: sparse.csr_matrix, iterations: int) -> tuple[Factors, list[float]]:
    from contracts.arguments import MLLIB
    from emr_jobs.als.drivers import Trainer

    ridge, everywhere = (MLLIB_RIDGE, 0.0) if name == MLLIB else (OUR_RIDGE, 1.0)
    arguments = _arguments(ratings, ridge_pair_weight=everywhere, ridge=ridge)
    return _result(Trainer(name, spark=spark).train, arguments | {"iterations": iterations})


def _arguments(ratings: sparse.csr_matrix, ridge_pair_weight: float, ridge: float) -> dict[str, Any]:
    from emr_jobs import factors
    from emr_jobs.als.objective import Objective

    start = factors.noise(ratings.shape[0], ratings.shape[1], RANK, seed=0)
    objective = Objective(PURCHASE_WEIGHT, 1.0, ridge, ridge_pair_weight)
    return {"ratings": ratings, "customers": start[0], "items": start[1], "objective": objective}


def _result(fit: Callable[[Any], Any], arguments: dict[str, Any]) -> tuple[Factors, list[float]]:
    from emr_jobs.als.training import Training

    trained = fit(Training(**arguments))
    return (trained.customers, trained.items), list(trained.losses)


@contextmanager
def _session() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    from infra.local import java

    os.environ |= {
        "JAVA_HOME": str(java.find()),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]").appName("cadabra-bench")
    for key, value in {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def _family() -> set[int]:
    """Of this process and all it started: Spark's JVM and its Python workers."""
    return family(os.getpid(), Path(os.devnull, "none"))


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + sum(map(ticks, _family() - {os.getpid()})) / TICKS_PER_S


def _peak_mib() -> float:
    return sum(map(_high_water_mib, _family()))


def _high_water_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.trainers", description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=["ours", "implicit", "spark", "mllib"])
    parser.add_argument("--data", type=Path, required=True, help="the purchases, by bench.purchases")
    parser.add_argument("--factors", type=Path, required=True, help="where the factors go")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--start", type=Path, help="factors to start from (ours)")
    parser.add_argument("--enough-gain", type=float, default=0.0, help="ends the training early (ours)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
