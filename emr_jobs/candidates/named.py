"""Candidates whose names share words with what the customer bought, what sells now before the rest."""

import numpy as np

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.candidates.block import Block, best, unbought
from emr_jobs.candidates.group import Group
from emr_jobs.compiled import compiled

COUNT = 50


def offer(group: Group, block: Block) -> Ints:
    bought, wording, holders = group.bought, group.past.wording, group.past.holders
    scores = block.room.floats("named", block.taste.shape)
    words = wording.starts, wording.words, wording.counts
    items = holders.starts, holders.rows, holders.counts
    _share(block.rows, bought.starts, bought.item, *words, *items, scores)
    return best(unbought(block, scores), COUNT)


@compiled()
def _share(
    rows: Ints,
    starts: Longs,
    bought: Ints,
    word_starts: Longs,
    words: Ints,
    counts: Floats,
    holder_starts: Longs,
    holders: Ints,
    held: Floats,
    scores: Floats,
) -> None:
    """Sum up each customer's words, then give each word to the items that hold it."""
    usual = np.zeros(len(holder_starts) - 1, np.float32)
    used = np.empty(len(usual), np.int32)
    for row in range(len(rows)):
        found = 0
        for pair in range(starts[rows[row]], starts[rows[row] + 1]):
            for place in range(word_starts[bought[pair]], word_starts[bought[pair] + 1]):
                word = words[place]
                if usual[word] == 0:
                    used[found] = word
                    found += 1
                usual[word] += counts[place]
        for word in used[:found]:
            for place in range(holder_starts[word], holder_starts[word + 1]):
                scores[row, holders[place]] += usual[word] * held[place]
            usual[word] = 0
