"""The best items of a block of customers, picked from their scores in one pass. Used by rankings."""

import numpy as np

from emr_jobs.als.kernel import Floats, Ints, Longs
from emr_jobs.compiled import compiled

BARRED = np.float32(-1e30)  # a score no list shows; finite, because fast arithmetic knows no infinity
_SHOWN = np.float32(-1e29)
_RUN = 128  # scores whose maximum is tested at once: most runs hold nothing and are skipped
NOTHING = -1  # fills a list that is shorter than asked for


@compiled(fastmath=True)
def add_to_bought(scores: Floats, first: int, starts: Longs, items: Ints, values: Floats) -> None:
    """Raise the scores of what each customer bought; row 0 of `scores` is customer `first`."""
    for row in range(len(scores)):
        for place in range(starts[first + row], starts[first + row + 1]):
            scores[row, items[place]] += values[place]


@compiled(fastmath=True)
def bar_bought(scores: Floats, first: int, starts: Longs, items: Ints) -> None:
    for row in range(len(scores)):
        for place in range(starts[first + row], starts[first + row + 1]):
            scores[row, items[place]] = BARRED


@compiled(fastmath=True)
def select(scores: Floats, bias: Floats, best: Ints) -> None:
    """Fill each row of `best` with the items of the highest score + bias; the earlier item wins a tie."""
    count = best.shape[1]
    values = np.empty(count, np.float32)
    for row in range(len(scores)):
        found, bar = 0, _SHOWN
        for begin in range(0, scores.shape[1], _RUN):
            end = min(begin + _RUN, scores.shape[1])
            highest = BARRED
            for item in range(begin, end):
                highest = max(highest, scores[row, item] + bias[item])
            if highest <= bar:
                continue
            for item in range(begin, end):
                value = scores[row, item] + bias[item]
                if value > bar:
                    place = min(found, count - 1)
                    while place > 0 and values[place - 1] < value:
                        values[place] = values[place - 1]
                        best[row, place] = best[row, place - 1]
                        place -= 1
                    values[place], best[row, place] = value, item
                    found = min(found + 1, count)
                    if found == count:
                        bar = values[count - 1]
        for place in range(found, count):
            best[row, place] = NOTHING
