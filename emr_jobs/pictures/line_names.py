"""Where the names of a picture's lines stand: beside their ends, none on another. Used by judging/plots."""

from collections.abc import Sequence

import numpy as np

from emr_jobs.pictures.columns import Floats


def spread(ends: Sequence[float], apart: float, low: float, high: float) -> Floats:
    """A height for each name, as near its line's end as a distance of `apart` between any two allows.

    Least squares (pool adjacent violators): names that crowd share their shift, the others do not move.
    """
    order = np.argsort(ends, kind="stable")
    steps = apart * np.arange(len(order))
    pools: list[tuple[float, int]] = []  # mean and size
    for wanted in np.asarray(ends, np.float64)[order] - steps:
        mean, size = float(wanted), 1
        while pools and pools[-1][0] > mean:
            before, held = pools.pop()
            mean, size = (mean * size + before * held) / (size + held), size + held
        pools.append((mean, size))
    fitted = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    places = np.empty(len(order))
    places[order] = np.clip(fitted, low, high - apart * (len(order) - 1)) + steps
    return places
