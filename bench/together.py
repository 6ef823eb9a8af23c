"""What a page shows beside an item, by what was bought with it: `python -m bench.together FILE --cut DATE`

Item to item, as it is judged in public: of each invoice after the cut one item is shown, and it is a hit when
any other of the invoice stands in the ten beside it. Learnt is from before the cut. The item is then taken as
if nobody had ever bought it with anything: what its description alone is worth. FILE is an order file such
as Online Retail, whose lines carry the names that the catalogue would.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from contracts.catalogue import CatalogueItem
from contracts.order_line import RefusedLineError, parse_line
from emr_jobs import model
from emr_jobs.judging import evaluation, order_file
from emr_jobs.judging.backtest import day_of, positive
from emr_jobs.lists import assortment, popularity, served
from emr_jobs.lists.described import described, words
from emr_jobs.lists.together import together
from emr_jobs.orders import DAY_SECONDS, Ints, Orders, epoch
from emr_jobs.settings import Settings

SHOWN = 10
SEED = 0  # which of an invoice's items is shown
NEVER = 1_000_000_000  # invoices in common: no item has this support, as if each were cold
LARGE = 50_000  # items of the catalogue whose time is taken


def main() -> int:
    options = _options()
    orders, _ = order_file.read(options.file)
    known, window = evaluation.split(orders, epoch(options.cut), options.days)
    fitted = model.fit(known, epoch(options.cut), Settings(iterations=1), SEED)
    goods = assortment.catalogue(_named(options.file)).beside(known.items)
    cold = replace(Settings(), together_support=NEVER)
    popular = popularity.ranked(fitted.bought, fitted.now, Settings().popular_days, SHOWN + 1)
    ever = popularity.ranked(fitted.bought, fitted.now, fitted.now / DAY_SECONDS, SHOWN + 1)
    lists = {
        "popular ever": np.tile(ever, (len(known.items), 1)),
        "popular in 14 days": np.tile(popular, (len(known.items), 1)),
        "described alike": served.companions(known, fitted, cold, goods)[0],
        "bought together": together(known, Settings()),
        "as served": served.companions(known, fitted, Settings(), goods)[0],
    }
    shown = list(_shown(known, window))
    print(f"{len(shown):,} invoices of {options.days} days, HR@{SHOWN}:")
    for name, best in lists.items():
        print(f"  {name:<20}{np.mean([_hit(best[item], item, others) for item, others in shown]):.3f}")
    _time(goods.names)
    return 0


def _shown(known: Orders, window: Orders) -> Iterator[tuple[int, set[int]]]:
    """An item of each invoice, and the others of it; only items known at the cut."""
    place = {code: row for row, code in enumerate(known.items.to_pylist())}
    rows = [place.get(code, -1) for code in window.items.to_pylist()]
    baskets: dict[int, set[int]] = {}
    for invoice, item in zip(window.invoice[window.sold], window.item[window.sold], strict=True):
        if rows[item] >= 0:
            baskets.setdefault(int(invoice), set()).add(rows[item])
    noise = np.random.default_rng(SEED)
    for _, basket in sorted(baskets.items()):
        if len(basket) > 1:
            item = sorted(basket)[noise.integers(len(basket))]
            yield item, basket - {item}


def _hit(best: Ints, item: int, others: set[int]) -> bool:
    return bool(others & set(best[best != item][:SHOWN].tolist()))


def _named(path: Path) -> Iterator[CatalogueItem]:
    """Each item with the first name that a sale gives it, all of them for sale."""
    seen: set[str] = set()
    for raw in order_file.lines(path):
        try:
            line = parse_line(raw)
        except RefusedLineError:
            continue
        if line.stock_code not in seen and line.description and line.unit_price > 0:
            seen.add(line.stock_code)
            yield CatalogueItem(line.stock_code, line.description, line.unit_price, for_sale=True)


def _time(names: tuple[str, ...]) -> None:
    """What a whole catalogue of 50,000 cold items costs, made of the same words."""
    noise, texts = np.random.default_rng(SEED), [word for name in names for word in words(name)]
    large = [" ".join(noise.choice(texts, 5)) for _ in range(LARGE)]
    began = time.process_time()
    described(large, np.arange(LARGE, dtype=np.int32), np.ones(LARGE, np.float32), 40)
    print(f"{LARGE:,} items without any order: {time.process_time() - began:.1f} CPU s for all their lists")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.together", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="order lines with descriptions, plain, .gz or .xz")
    parser.add_argument("--cut", required=True, type=day_of, help="learn from before this day, UTC")
    parser.add_argument("--days", type=positive, default=15, help="judge by so many days (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
