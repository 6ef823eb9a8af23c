"""A block of customers with their scores of every item, held densely: a row each, a column for each item."""

from dataclasses import dataclass

import numpy as np

from contracts.lists import DISCOVER, FOR_YOU
from emr_jobs import topk
from emr_jobs.als.kernel import Floats, Ints
from emr_jobs.candidates.group import Group
from emr_jobs.candidates.links import Links, spread
from emr_jobs.candidates.room import Room
from emr_jobs.compiled import compiled

CUSTOMERS = 32  # in a block: few enough for its scores of 20,000 items to stay near the core


def rows(count: int) -> list[Ints]:
    """The rows of a group of so many, block by block."""
    every = np.arange(count, dtype=np.int32)
    return [every[first : first + CUSTOMERS] for first in range(0, count, CUSTOMERS)]


@dataclass(frozen=True, slots=True)
class Block:
    rows: Ints  # the group's
    pair: Ints  # the pair bought, or topk.NOTHING
    taste: Floats
    blend: Floats
    novel: Floats  # the blend for discover, what was bought barred
    alike: Floats
    alike_recent: Floats
    beside: Floats
    beside_month: Floats
    room: Room


def block(group: Group, rows: Ints) -> Block:
    blend, bought, company = group.blend, group.bought, group.past.company
    row, own = bought.of(rows)
    items = bought.item[own]
    shape = len(rows), len(blend.items) + -len(blend.items) % topk.RUN_ITEMS
    taste, room = group.room.floats("taste", shape), group.room
    np.matmul(blend.customers[rows], blend.items.T, out=taste[:, : len(blend.items)])
    pair = room.ints("pair", shape, topk.NOTHING)
    pair[row, items] = own
    everything, novel = room.floats("blend", shape), room.floats("novel", shape)
    np.add(taste, topk.padded(blend.bias(FOR_YOU), topk.BARRED), out=everything)
    everything[row, items] += blend.repeats[own]
    np.add(taste, topk.padded(blend.bias(DISCOVER), topk.BARRED), out=novel)
    novel[row, items] = topk.BARRED

    def linked(name: str, links: Links, weights: Floats) -> Floats:
        scores = room.floats(name, shape)
        spread(rows, bought.starts, bought.item, weights, links.others, links.strengths, scores)
        return scores

    return Block(
        rows,
        pair,
        taste,
        everything,
        novel,
        linked("alike", company.alike, group.weights.ever),
        linked("alike_recent", company.alike, group.weights.recent),
        linked("beside", company.beside, group.weights.last_order),
        linked("beside_month", company.beside, group.weights.month),
        room,
    )


def best(scores: Floats, count: int) -> Ints:
    """The items of the highest scores, best first; topk.NOTHING where fewer are allowed."""
    found = np.empty((len(scores), count), np.int32)
    topk.select(scores, np.zeros(scores.shape[1], np.float32), found)
    return found


def unbought(block: Block, scores: Floats) -> Floats:
    """Scores above zero of what the customer never bought."""
    rows, width = scores.shape
    allowed = block.room.floats("allowed", (rows, width))
    _allow(block.pair, scores, allowed)
    return allowed


@compiled()
def _allow(pair: Ints, scores: Floats, allowed: Floats) -> None:
    for row in range(len(scores)):
        for item in range(scores.shape[1]):
            score = scores[row, item]
            allowed[row, item] = score if (score > 0) & (pair[row, item] < 0) else topk.BARRED
