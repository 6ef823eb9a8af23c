"""Ten million order lines, from a table to everyone's lists, stage by stage. `python -m bench.retrain`

A first run, so that nothing is taken over: cold training, a forest of 17 weeks, everyone ranked by it,
rows with reasons. The table is Parquet on this disk; Spark's part of reading it from Iceberg is not in it.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from rich.console import Console
from rich.table import Table

from bench import purchase_lines, purchases
from bench.ranking import NOW, Clock
from contracts.order_line import Fate
from emr_jobs import model, orders, rehearsal
from emr_jobs.inheritance import Inheritance
from emr_jobs.lists import making, served
from emr_jobs.orders import Orders
from emr_jobs.ranker import keeping
from emr_jobs.ratings import pairs
from emr_jobs.settings import Settings

NOTHING_LIVE = Inheritance()
CUSTOMERS_A_LINE, ITEMS = 0.0114, 20_000  # 10 million lines: 114,000 customers


def main() -> None:
    options = _options()
    rehearsal.rehearse()  # compiles the kernels
    clock, settings = Clock(Table("", "CPU s", "wall s", "GiB so far")), Settings()
    with tempfile.TemporaryDirectory(prefix="cadabra-bench-") as folder:
        path = Path(folder) / "orders.parquet"
        customers = max(1, int(options.lines * CUSTOMERS_A_LINE))
        _write(purchase_lines.orders(customers, ITEMS, int(options.lines / purchases.DRAWN), NOW), path)
        known = clock.stage("orders read", lambda: orders.from_arrow(parquet.read_table(path)))
        bought = clock.stage("pairs", lambda: pairs(known))
        fitted = clock.stage("training", lambda: model.fit_pairs(known, bought, NOW, settings, seed=0))
        ranker = clock.stage("ranker", lambda: keeping.ranker(None, known, NOW, settings, seed=0))
        made = clock.stage(
            "customers' lists", lambda: making.make(known, fitted, ranker, NOTHING_LIVE, settings, seed=0)
        )
        clock.stage("items' lists", lambda: served.item_rows(known, fitted, settings))
        lists = Path(folder) / "lists.parquet"
        clock.stage("lists written", lambda: parquet.write_table(made.rows, lists, compression="zstd"))
    clock.table.title = f"{len(known):,} lines, {made.said}"
    Console(width=110).print(clock.table)


def _write(known: Orders, path: Path) -> None:
    names = {"customer": known.customers, "stock_code": known.items}
    coded = {"customer": known.customer, "stock_code": known.item}
    columns = {name: names[name].take(pa.array(rows)) for name, rows in coded.items()} | {
        "invoice": pa.array(known.invoice).cast(pa.string()),
        "quantity": pa.array(known.quantity.astype(np.int32)),
        "time": pa.array(known.seconds).cast(pa.timestamp("s", "UTC")),
        "unit_price": pa.array(known.price),
        "fate": pa.repeat(str(Fate.SALE), len(known)),
    }
    parquet.write_table(pa.table(columns), path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.retrain", description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=10_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
