"""Some fifty numbers for each candidate, of the customer, the item and both; the forest sees nothing else.

Training and ranking call the same code on a Past, and nothing here knows what came after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates import pool, variants
from emr_jobs.candidates.block import Block, block
from emr_jobs.candidates.group import Group
from emr_jobs.candidates.pool import Candidates
from emr_jobs.ranker import customer_facts, item_facts, name_facts, pair_facts

SCORES = ("taste", "blend", "alike", "alike_recent", "beside", "beside_month")
NAMES = (
    *SCORES,
    *("rank", "novel_rank", "taste_slow"),
    *pair_facts.NAMES,
    *item_facts.NAMES,
    *customer_facts.NAMES,
    *("price_step", "own_variants"),
    *name_facts.NAMES,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns by name: a value for each pair bought, each item, each customer."""

    of_pairs: dict[str, Floats]
    of_items: dict[str, Floats]
    of_customers: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Table:
    """Grain: one candidate of one customer, sorted by the group's row and the item."""

    row: Ints
    customer: Ints
    item: Ints
    bought: "np.ndarray[tuple[int], np.dtype[np.bool_]]"  # the customer has bought it before
    values: Floats  # a row for each candidate, a column for each of NAMES


def facts(group: Group) -> Facts:
    of_items = item_facts.columns(group.past)
    of_customers = customer_facts.columns(group, of_items["item_price"])
    return Facts(pair_facts.columns(group, of_customers["orders"]), of_items, of_customers)


def table(group: Group, known: Facts, rows: Ints) -> Table:
    """The candidates of a group's rows, few enough to hold their scores of every item at once."""
    held = block(group, rows)
    found = pool.gather(group, held)
    values = np.empty((len(NAMES), len(found.item)), np.float32)
    for place, (_, column) in enumerate(_columns(group, known, held, found)):
        values[place] = column
    mine = held.pair[found.row, found.item] >= 0
    own = rows[found.row]
    return Table(own, group.customers[own], found.item, mine, values.T)


def _columns(group: Group, known: Facts, held: Block, found: Candidates) -> Iterator[tuple[str, Floats]]:
    row, item, customer = found.row, found.item, held.rows[found.row]
    for name in SCORES:
        yield name, getattr(held, name)[row, item]
    yield "rank", found.rank
    yield "novel_rank", found.novel_rank
    slow_items = group.past.slow.of_items
    yield "taste_slow", np.einsum("ij,ij->i", group.slow[customer], slow_items[item])
    pair = held.pair[row, item]
    for name, values in known.of_pairs.items():
        yield name, np.where(pair >= 0, values[pair], pair_facts.UNBOUGHT.get(name, np.float32(0)))
    for name, values in known.of_items.items():
        yield name, values[item]
    for name, values in known.of_customers.items():
        yield name, values[customer]
    yield "price_step", known.of_items["item_price"][item] - known.of_customers["price_level"][customer]
    own = np.where(pair >= 0, known.of_pairs["own_count"][pair], 0)
    yield "own_variants", np.maximum(0, variants.families(group, held)[row, group.past.family[item]] - own)
    yield from name_facts.columns(group, held.rows, row, item).items()
