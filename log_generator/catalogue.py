"""What the simulated shop sells: items in groups that go together, in variants, from when until when."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from faker import Faker
from numpy.typing import NDArray

from contracts.catalogue import CatalogueItem
from log_generator.words import DEPARTMENTS, VARIANTS, Department

STYLES = 3  # each group has items of every style; customers keep to one
ITEMS_PER_GROUP = 40  # as many as a shelf holds, and enough for a taste inside the group
MIN_ITEMS, MAX_ITEMS = 100, 60_000  # two groups at least; a base code has five digits
FIRST_CODE, LAST_CODE = 10_000, 99_999
DESIGNERS = 200  # surnames by Faker, shared out over the styles
VARIED = 0.2  # share of base codes that come in variants, as in the public file
NEW_SHARE, SOLD_OUT_SHARE = 0.15, 0.10  # items that appear, and that sell out, within the shop's span
FOREVER = np.iinfo(np.int64).max
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Items lie cell by cell (group, then style), the most popular of a cell first."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    prices: tuple[Decimal, ...]
    packs: NDArray[np.int32]  # the quantity it is mostly bought in
    groups: tuple[str, ...]
    departments: NDArray[np.int32]  # by group
    cells: NDArray[np.int32]  # by item: group * STYLES + style
    cell_starts: NDArray[np.int64]
    cell_sizes: NDArray[np.int64]
    companions: NDArray[np.int32]  # by group: the group that goes together with it
    appears: NDArray[np.int64]  # epoch seconds
    sells_out: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    def group_of(self, item: int) -> str:
        return self.groups[int(self.cells[item]) // STYLES]

    def listed(self, now: int) -> list[CatalogueItem]:
        """The catalogue file's items: what has ever been for sale until `now`."""
        return [
            CatalogueItem(
                self.codes[item], self.names[item], self.prices[item], bool(now < self.sells_out[item])
            )
            for item in np.flatnonzero(self.appears <= now)
        ]


def make_catalogue(seed: int, size: int, opened: int, span: int) -> Catalogue:
    """A catalogue of `size` items for a shop that opened at `opened` and changes over `span` seconds."""
    rng = np.random.default_rng((seed, 1))
    groups = _groups(size)
    cells, starts, sizes = _cells(size, len(groups))
    codes, names, prices = _goods(rng, seed, groups, sizes)
    appears, sells_out = _lifetimes(rng, size, opened, span)
    return Catalogue(
        codes=codes,
        names=names,
        prices=prices,
        packs=rng.choice(np.array([1, 2, 3, 4, 6, 12], np.int32), size, p=[0.3, 0.15, 0.1, 0.1, 0.2, 0.15]),
        groups=tuple(f"{department.name}: {family[0]}" for department, family in groups),
        departments=np.array([DEPARTMENTS.index(department) for department, _ in groups], np.int32),
        cells=cells,
        cell_starts=starts,
        cell_sizes=sizes,
        companions=_companions(rng, len(groups)),
        appears=appears,
        sells_out=sells_out,
    )


def _groups(size: int) -> list[tuple[Department, tuple[str, ...]]]:
    """Enough groups for `size` items, taken round the departments so that a small shop has several."""
    families = max(len(department.families) for department in DEPARTMENTS)
    every = [
        (department, department.families[turn]) for turn in range(families) for department in DEPARTMENTS
    ]
    return every[: max(2, size // ITEMS_PER_GROUP)]


def _cells(size: int, groups: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    count = groups * STYLES
    cells = np.sort(np.arange(size, dtype=np.int32) % count)
    starts = np.searchsorted(cells, np.arange(count)).astype(np.int64)
    return cells, starts, np.bincount(cells, minlength=count).astype(np.int64)


def _goods(
    rng: np.random.Generator,
    seed: int,
    groups: list[tuple[Department, tuple[str, ...]]],
    cell_sizes: NDArray[np.int64],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Decimal, ...]]:
    """Codes, names and prices, cell by cell; the variants of a base code lie side by side."""
    faker = Faker("en_GB")
    faker.seed_instance(seed)
    designers = [faker.unique.last_name() for _ in range(DESIGNERS)]
    colours = [", " + _spaced(faker.color_name()) for _ in range(DESIGNERS)]
    bases = iter(rng.permutation(np.arange(FIRST_CODE, LAST_CODE + 1)).tolist())
    codes: list[str] = []
    names: list[str] = []
    prices: list[Decimal] = []
    for cell, size in enumerate(cell_sizes.tolist()):
        department, family = groups[cell // STYLES]
        end = len(codes) + size
        while len(codes) < end:
            designer = designers[STYLES * int(rng.integers(DESIGNERS // STYLES)) + cell % STYLES]
            name = f"{designer} {rng.choice(department.materials)} {rng.choice(family)}"
            price = department.median_price * float(rng.lognormal(0, 0.5))
            base = f"{next(bases):05d}"
            for letter, suffix, factor in _variants(rng, colours)[: end - len(codes)]:
                codes.append(base + letter)
                names.append(name + suffix)
                prices.append(max(Decimal("0.19"), Decimal(price * factor).quantize(CENT)))
    return tuple(codes), tuple(names), tuple(prices)


def _variants(rng: np.random.Generator, colours: list[str]) -> list[tuple[str, str, float]]:
    """Letter, end of the name and price factor of each variant; one without a letter where there is none."""
    if rng.random() > VARIED:
        return [("", "", 1.0)]
    sized = rng.random() < 0.5  # noqa: PLR2004 (half come in sizes, half in colours)
    if sized:
        suffixes = list(VARIANTS[int(rng.integers(len(VARIANTS)))])
    else:
        suffixes = [colours[place] for place in rng.choice(len(colours), 3, replace=False)]
    return [
        (chr(ord("A") + place), suffix, 1.0 + 0.25 * place * sized) for place, suffix in enumerate(suffixes)
    ]


def _spaced(colour: str) -> str:
    """Faker's MediumSeaGreen as a shopper reads it."""
    return "".join(" " + letter if letter.isupper() else letter for letter in colour).strip()


def _companions(rng: np.random.Generator, groups: int) -> NDArray[np.int32]:
    """One ring through all groups in random order: nothing is its own companion."""
    ring = rng.permutation(groups)
    companions = np.empty(groups, np.int32)
    companions[ring] = np.roll(ring, -1)
    return companions


def _lifetimes(
    rng: np.random.Generator, size: int, opened: int, span: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    appears = np.full(size, opened, np.int64)
    new = rng.random(size) < NEW_SHARE
    appears[new] = opened + rng.integers(0, span, int(new.sum()))
    sells_out = np.full(size, FOREVER, np.int64)
    leaving = ~new & (rng.random(size) < SOLD_OUT_SHARE)
    sells_out[leaving] = opened + rng.integers(span // 3, span, int(leaving.sum()))
    return appears, sells_out
