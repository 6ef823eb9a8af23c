"""The model's factors with the names of their rows: started cold or from the last model, kept as one file."""

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emr_jobs import arrays
from emr_jobs.als.kernel import Floats
from emr_jobs.orders import DAY_SECONDS

KNOWN_SHARE = 0.5  # of the rows a warm start must know; below it a cold one is better
NEARLY_ALL = (
    0.98  # known, of both sides: one iteration an hour later ends within .01 % of ten cold ones' loss
)
FRESH_SECONDS = DAY_SECONDS  # of an older model's ratings too many have faded for one iteration

STIRRED = np.float32(0.1)  # a new customer's length: at 1 the known items' first loss is .1 % higher


class FactorsUnreadableError(ValueError):
    """The file holds no factors; training starts cold."""


@dataclass(frozen=True, slots=True)
class Factors:
    made: int  # of the orders before this time, seconds
    customers: pa.StringArray
    items: pa.StringArray
    of_customers: Floats
    of_items: Floats


@dataclass(frozen=True, slots=True)
class Start:
    """Where training begins; what trains overwrites the factors."""

    factors: Factors
    known: float  # share of the names that the last model knew, on the side where it is less; cold is 0
    age: int  # of the last model, seconds; below 0 it knows what is not known yet

    @property
    def warm(self) -> bool:
        return self.known > 0

    @property
    def nearly_there(self) -> bool:
        return self.known >= NEARLY_ALL and 0 <= self.age < FRESH_SECONDS


def start(
    last: Factors | None, customers: pa.StringArray, items: pa.StringArray, rank: int, seed: int, now: int
) -> Start:
    """The last model's rows by name; a cold start where too few are known.

    New items start at zero, their customers say where to. New customers do not: who bought nothing but new
    items would stay there for ever, and so would the items.
    """
    if last is None or last.of_items.shape[1] != rank:
        return Start(cold(customers, items, rank, seed, now), 0, 0)
    rows = [pc.index_in(customers, last.customers), pc.index_in(items, last.items)]
    known = min(_known(side) for side in rows)
    if known < KNOWN_SHARE:
        return Start(cold(customers, items, rank, seed, now), 0, 0)
    moved = _moved(last.of_customers, rows[0]), _moved(last.of_items, rows[1])
    _stir(moved[0], seed)
    return Start(Factors(now, customers, items, *moved), known, now - last.made)


def cold(customers: pa.StringArray, items: pa.StringArray, rank: int, seed: int, now: int) -> Factors:
    return Factors(now, customers, items, *noise(len(customers), len(items), rank, seed))


def noise(customers: int, items: int, rank: int, seed: int) -> tuple[Floats, Floats]:
    """Unit-norm and positive: it trains better than the usual small noise around zero."""
    source = np.random.default_rng(seed)
    return _unit(source, customers, rank), _unit(source, items, rank)


def zero(customers: pa.StringArray, items: pa.StringArray, rank: int, now: int) -> Factors:
    """Of who bought nothing, and of what nobody bought."""
    return Factors(
        now, customers, items, *(np.zeros((len(names), rank), np.float32) for names in (customers, items))
    )


def dump(factors: Factors) -> bytes:
    file = io.BytesIO()
    np.savez(
        file,
        made=factors.made,
        customers=np.array(factors.customers.to_pylist(), np.str_),
        items=np.array(factors.items.to_pylist(), np.str_),
        of_customers=factors.of_customers,
        of_items=factors.of_items,
    )
    return file.getvalue()


def load(raw: bytes) -> Factors:
    with arrays.reading(raw, FactorsUnreadableError, "factors") as held:
        factors = Factors(
            int(held["made"]),
            pa.array(held["customers"].tolist(), pa.string()),
            pa.array(held["items"].tolist(), pa.string()),
            held["of_customers"],
            held["of_items"],
        )
    _check(factors.customers, factors.of_customers, factors.of_items)
    _check(factors.items, factors.of_items, factors.of_items)
    return factors


def _check(names: pa.StringArray, rows: Floats, items: Floats) -> None:
    fits = rows.ndim == items.ndim == 2 and rows.shape == (len(names), items.shape[1])  # noqa: PLR2004 (a matrix)
    if not fits or rows.dtype != np.float32 or not np.isfinite(rows).all():
        raise FactorsUnreadableError(f"{len(names)} names do not fit {rows.dtype} factors of {rows.shape}")


def _unit(source: np.random.Generator, rows: int, rank: int) -> Floats:
    factors = source.standard_normal((rows, rank), np.float32)
    np.abs(factors, out=factors)
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    return factors


def _known(rows: pa.Int32Array) -> float:
    return 1 - rows.null_count / len(rows) if len(rows) else 1.0


def _moved(factors: Floats, rows: pa.Int32Array) -> Floats:
    known = rows.is_valid().to_numpy(zero_copy_only=False)
    moved = np.zeros((len(rows), factors.shape[1]), np.float32)
    moved[known] = factors[rows.drop_null().to_numpy()]
    return moved


def _stir(factors: Floats, seed: int) -> None:
    """Give rows at zero a small length, each its own direction."""
    still = np.flatnonzero(~factors.any(axis=1))
    factors[still] = STIRRED * _unit(np.random.default_rng(seed), len(still), factors.shape[1])
