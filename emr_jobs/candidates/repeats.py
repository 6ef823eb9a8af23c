"""Candidates that the customer bought before, the latest ones first."""

import numpy as np

from emr_jobs import topk
from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.block import Block
from emr_jobs.candidates.group import Group

COUNT = 150  # a customer of 10,000 items has no more; the blend offers the oft-bought among the rest


def offer(group: Group, block: Block) -> Ints:
    bought = group.bought
    row, pair = bought.of(block.rows)
    order = np.lexsort((bought.item[pair], -bought.last[pair], row))
    row, pair = row[order], pair[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    found = np.full((len(block.rows), COUNT), topk.NOTHING, np.int32)
    shown = place < COUNT
    found[row[shown], place[shown]] = bought.item[pair[shown]]
    return found
