"""Ranking: every customer's two lists of 30, bought items barred, against the bare matrix product.

python bench/topk.py [--customers 140000 --items 20000 --bought 68 --rank 64]
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from contracts.lists import CUSTOMER_LISTS, STORED_ENTRIES
from emr_jobs import rankings, rehearsal
from emr_jobs.blend import Blend

ROUNDS = 3


def shop(customers: int, items: int, bought: int, rank: int) -> Blend:
    noise = np.random.default_rng(0)
    popular = noise.random(items, np.float32) ** 8
    return Blend(
        customers=noise.standard_normal((customers, rank), np.float32),
        items=noise.standard_normal((items, rank), np.float32),
        starts=np.arange(customers + 1, dtype=np.int64) * bought,
        bought=noise.integers(0, items, customers * bought).astype(np.int32),
        repeats=noise.random(customers * bought, np.float32),
        popular=dict.fromkeys(CUSTOMER_LISTS, popular),
        sold=np.ones(items, np.bool_),
    )


def products(blend: Blend) -> None:
    """The floor: the same blocks multiplied, and nothing made of them."""

    def multiply(first: int) -> None:
        _ = blend.customers[first : first + rankings.BLOCK_CUSTOMERS] @ blend.items.T

    with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
        for _ in pool.map(multiply, range(0, len(blend.customers), rankings.BLOCK_CUSTOMERS)):
            pass


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=14_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--bought", type=int, default=68, help="items each customer bought")
    parser.add_argument("--rank", type=int, default=64)
    options = parser.parse_args()
    rehearsal.rehearse()
    blend = shop(options.customers, options.items, options.bought, options.rank)
    rounds = [
        (seconds(lambda: products(blend)), seconds(lambda: rankings.rank(blend, STORED_ENTRIES)))
        for _ in range(ROUNDS)  # in alternation: a busy machine slows both
    ]
    floor, ours = (np.min([one[side] for one in rounds], axis=0) for side in (0, 1))
    print(f"{options.customers:,} customers x {options.items:,} items, rank {options.rank}, best of {ROUNDS}")
    print(f"matrix product alone    {floor[1]:8.2f} CPU s {floor[0]:8.2f} wall s")
    print(f"both lists of {STORED_ENTRIES}        {ours[1]:8.2f} CPU s {ours[0]:8.2f} wall s")
    print(f"ratio {ours[0] / floor[0]:.2f} wall, {ours[1] / floor[1]:.2f} CPU")


if __name__ == "__main__":
    main()
