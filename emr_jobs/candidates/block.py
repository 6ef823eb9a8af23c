"""A block of customers with their scores of every item, held densely: a row each, a column for each item."""

from dataclasses import dataclass

import numpy as np

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs import topk
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.links import Links, spread
from emr_jobs.candidates.past import Past
from emr_jobs.compiled import compiled

CUSTOMERS = 64  # in a block: its scores of 20,000 items are 40 MB


@dataclass(frozen=True, slots=True)
class Block:
    customers: Ints
    pair: Ints  # the pair bought, or topk.NOTHING
    taste: Floats
    blend: Floats
    novel: Floats  # the blend for discover, what was bought barred
    alike: Floats
    alike_recent: Floats
    beside: Floats
    beside_month: Floats


def block(past: Past, customers: Ints) -> Block:
    blend, bought = past.blend, past.fitted.bought
    row, own = bought.of(customers)
    items = bought.item[own]
    width = len(blend.items) + -len(blend.items) % topk.RUN_ITEMS
    taste = np.zeros((len(customers), width), np.float32)
    np.matmul(blend.customers[customers], blend.items.T, out=taste[:, : len(blend.items)])
    pair = np.full(taste.shape, topk.NOTHING, np.int32)
    pair[row, items] = own
    everything = taste + topk.padded(blend.bias(FOR_YOU), topk.BARRED)
    everything[row, items] += blend.repeats[own]
    novel = taste + topk.padded(blend.bias(DISCOVER), topk.BARRED)
    novel[row, items] = topk.BARRED

    def linked(links: Links, weights: Floats) -> Floats:
        scores = np.zeros_like(taste)
        spread(customers, bought.starts, bought.item, weights, links.others, links.strengths, scores)
        return scores

    return Block(
        customers,
        pair,
        taste,
        everything,
        novel,
        linked(past.alike, past.weights.ever),
        linked(past.alike, past.weights.recent),
        linked(past.beside, past.weights.last_order),
        linked(past.beside, past.weights.month),
    )


def best(scores: Floats, count: int) -> Ints:
    """The items of the highest scores, best first; topk.NOTHING where fewer are allowed."""
    found = np.empty((len(scores), count), np.int32)
    topk.select(scores, np.zeros(scores.shape[1], np.float32), found)
    return found


def unbought(block: Block, scores: Floats) -> Floats:
    """Scores above zero of what the customer never bought."""
    allowed = np.empty_like(scores)
    _allow(block.pair, scores, allowed)
    return allowed


@compiled()
def _allow(pair: Ints, scores: Floats, allowed: Floats) -> None:
    for row in range(len(scores)):
        for item in range(scores.shape[1]):
            score = scores[row, item]
            allowed[row, item] = score if (score > 0) & (pair[row, item] < 0) else topk.BARRED
