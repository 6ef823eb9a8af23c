"""The company each item keeps: what the same customers buy, and what lies in the same invoices.

Counting it is most of what ranking a few customers would cost, and a day hardly changes it: it is kept with
the version, by the items' names, and made anew once a day of the data's clock. Used by past and retrain.
"""

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emr_jobs import arrays
from emr_jobs.als.kernel import Ints
from emr_jobs.candidates.links import Links, links
from emr_jobs.lists.together import baskets
from emr_jobs.orders import DAY_SECONDS, Orders
from emr_jobs.ratings import Pairs
from emr_jobs.settings import Settings
from emr_jobs.topk import NOTHING

_LINKS = ("alike", "beside")


class CompanyUnreadableError(ValueError):
    """The file holds no item's company; it is counted anew."""


@dataclass(frozen=True, slots=True)
class Company:
    items: pa.StringArray
    made: int  # of the orders before this time, seconds
    alike: Links  # items of the same customers
    beside: Links  # items of the same invoices


def company(last: Company | None, orders: Orders, bought: Pairs, now: int, settings: Settings) -> Company:
    """The last one while it is younger than a day, for today's items; else a new one."""
    if last and 0 <= now - last.made < DAY_SECONDS:
        return moved(last, orders.items)
    return counted(orders, bought, now, settings)


def counted(orders: Orders, bought: Pairs, now: int, settings: Settings) -> Company:
    held = bought.matrix(np.ones(len(bought), np.float32))
    buyers = np.sqrt(np.bincount(bought.item, minlength=held.shape[1])).astype(np.float32)
    invoices = baskets(orders, settings.together_basket_items)
    holding = np.asarray(invoices.sum(axis=0)).ravel().astype(np.float32)
    return Company(
        orders.items,
        now,
        links(held, buyers, settings.alike_shrink, both=True),
        links(invoices, holding, settings.beside_shrink, both=False),
    )


def moved(last: Company, items: pa.StringArray) -> Company:
    """The same company in the rows of these items: a new item has none yet, one that is gone is in none."""
    if last.items.equals(items):
        return last
    rows = pc.fill_null(pc.index_in(items, last.items), NOTHING).to_numpy()
    places = pc.fill_null(pc.index_in(last.items, items), NOTHING).to_numpy()
    return Company(
        items, last.made, *(_moved(getattr(last, name), rows, np.append(places, NOTHING)) for name in _LINKS)
    )


def _moved(last: Links, rows: Ints, places: Ints) -> Links:
    """`rows` says where each item stood, `places` where each one that was there stands now."""
    others = np.where(rows[:, None] == NOTHING, NOTHING, places[last.others[rows]]).astype(np.int32)
    gone = others == NOTHING
    order = np.argsort(gone, axis=1, kind="stable")  # NOTHING comes last
    strengths = np.where(gone, np.float32(0), last.strengths[rows])
    return Links(np.take_along_axis(others, order, axis=1), np.take_along_axis(strengths, order, axis=1))


def dump(held: Company) -> bytes:
    file = io.BytesIO()
    both = {name: getattr(held, name) for name in _LINKS}
    np.savez(
        file,
        items=np.array(held.items.to_pylist(), np.str_),
        made=held.made,
        **{f"{name}_others": found.others for name, found in both.items()},
        **{f"{name}_strengths": found.strengths for name, found in both.items()},
    )
    return file.getvalue()


def load(raw: bytes) -> Company:
    with arrays.reading(raw, CompanyUnreadableError, "items' company") as held:
        items = pa.array(held["items"].tolist(), pa.string())
        found = [Links(held[f"{name}_others"], held[f"{name}_strengths"]) for name in _LINKS]
        made = int(held["made"])
    for one in found:
        _check(one, len(items))
    return Company(items, made, *found)


def _check(found: Links, items: int) -> None:
    """The kernel reads without looking: what leads to no item is refused here."""
    fits = found.others.ndim == 2 and found.others.shape == found.strengths.shape  # noqa: PLR2004 (a matrix)
    typed = found.others.dtype == np.int32 and found.strengths.dtype == np.float32
    if not (
        fits
        and typed
        and len(found.others) == items
        and np.all((found.others >= NOTHING) & (found.others < items))
        and np.isfinite(found.strengths).all()
    ):
        raise CompanyUnreadableError(f"{items} items do not fit links of {found.others.shape}")
