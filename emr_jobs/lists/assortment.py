"""What the shop sells, as retrain knows it: every item of the orders and of the catalogue, with its name."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from contracts.catalogue import CatalogueItem, parse_catalogue
from contracts.s3_layout import CATALOGUE
from emr_jobs.orders import Flags
from emr_jobs.shop import Shop


@dataclass(frozen=True, slots=True)
class Assortment:
    """The items of the orders in their rows, and after them those that the catalogue alone knows."""

    codes: pa.StringArray
    names: tuple[str, ...]  # empty where the catalogue tells none
    for_sale: Flags  # says the catalogue


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The shop's file; empty where it cannot be read."""

    items: tuple[CatalogueItem, ...]
    said: str

    @property
    def names(self) -> dict[str, str]:
        return {item.code: item.name for item in self.items}

    def beside(self, ordered: pa.StringArray) -> Assortment:
        """With the items that were ordered."""
        listed = {item.code: item for item in self.items}
        known = ordered.to_pylist()
        codes = [*known, *sorted(listed.keys() - set(known))]
        found = [listed.get(code) for code in codes]
        return Assortment(
            pa.array(codes, pa.string()),
            tuple(item.name if item else "" for item in found),
            np.array([item is not None and item.for_sale for item in found], np.bool_),
        )


UNNAMED = Catalogue((), "no catalogue was read")


def catalogue(items: Iterable[CatalogueItem]) -> Catalogue:
    named = tuple(items)
    return Catalogue(named, f"the catalogue names {len(named):,}")


def read(shop: Shop) -> Catalogue:
    """The newest catalogue; without one, what nobody bought has no list, and that is said."""
    where, lost = f"s3://{shop.bucket}/{CATALOGUE}", "what nobody bought has no list"
    try:
        return catalogue(parse_catalogue(shop.object(CATALOGUE)))
    except shop.s3.exceptions.NoSuchKey:
        return Catalogue((), f"there is no {where}: {lost}")
    except (ValueError, csv.Error) as error:  # CatalogueError, or bytes that are no UTF-8
        return Catalogue((), f"{where} cannot be read ({error}): {lost}")
