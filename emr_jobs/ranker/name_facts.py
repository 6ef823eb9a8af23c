"""How alike a candidate's name is to the names of what the customer bought. Feature columns.

An item is never compared with itself: that it was bought is told by the facts of the pair.
"""

import numpy as np

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.candidates.group import Group
from emr_jobs.compiled import compiled
from emr_jobs.topk import NOTHING

NAMES = ("name_nearest", "name_usual")  # the likeness to the one most alike, and to all of them on average


def columns(group: Group, rows: Ints, row: Ints, item: Ints) -> dict[str, Floats]:
    """A value for each candidate of some of the group's rows; `row` is its place among those."""
    held, bought = group.past.wording, group.bought
    found = np.zeros((len(NAMES), len(item)), np.float32)
    names = held.starts, held.words, held.counts, held.vocabulary
    _compare(rows, bought.starts, bought.item, *names, row, item, *found)
    return dict(zip(NAMES, found, strict=True))


@compiled()
def _compare(
    rows: Ints,
    starts: Longs,
    bought: Ints,
    firsts: Longs,
    words: Ints,
    counts: Floats,
    vocabulary: int,
    row: Ints,
    item: Ints,
    nearest: Floats,
    usual: Floats,
) -> None:
    """Customer by customer: a word's chain leads through all that they bought whose names hold it."""
    newest = np.full(vocabulary, NOTHING, np.int32)  # the last link of each word's chain
    candidate = 0
    for place in range(len(rows)):
        own = bought[starts[rows[place]] : starts[rows[place] + 1]]
        holder, weight, before = _chains(own, firsts, words, counts, newest)
        likeness = np.zeros(len(own), np.float32)
        while candidate < len(row) and row[candidate] == place:
            named = item[candidate]
            for at in range(firsts[named], firsts[named + 1]):
                link = newest[words[at]]
                while link >= 0:
                    likeness[holder[link]] += counts[at] * weight[link]
                    link = before[link]
            for other in range(len(own)):
                if own[other] != named:
                    nearest[candidate] = max(nearest[candidate], likeness[other])
                    usual[candidate] += likeness[other]
                likeness[other] = 0
            usual[candidate] /= max(1, len(own))
            candidate += 1
        for bought_item in own:
            newest[words[firsts[bought_item] : firsts[bought_item + 1]]] = NOTHING


@compiled()
def _chains(own: Ints, firsts: Longs, words: Ints, counts: Floats, newest: Ints) -> tuple[Ints, Floats, Ints]:
    """A link for each word of each item: whose it is, how much it counts there, and the link before it."""
    length = 0
    for item in own:
        length += firsts[item + 1] - firsts[item]
    holder, before = np.empty(length, np.int32), np.empty(length, np.int32)
    weight = np.empty(length, np.float32)
    link = 0
    for place in range(len(own)):
        for at in range(firsts[own[place]], firsts[own[place] + 1]):
            holder[link], weight[link], before[link] = place, counts[at], newest[words[at]]
            newest[words[at]] = link
            link += 1
    return holder, weight, before
