"""The model's factors with the names of their rows: started cold or from the last model, kept as one file."""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emr_jobs.als.kernel import Floats

KNOWN_SHARE = 0.5  # of the rows a warm start must know; below it a cold one is better


class FactorsUnreadableError(ValueError):
    """The file holds no factors; training starts cold."""


@dataclass(frozen=True, slots=True)
class Factors:
    customers: pa.StringArray
    items: pa.StringArray
    of_customers: Floats
    of_items: Floats


def cold(customers: pa.StringArray, items: pa.StringArray, rank: int, seed: int) -> Factors:
    return Factors(customers, items, *noise(len(customers), len(items), rank, seed))


def noise(customers: int, items: int, rank: int, seed: int) -> tuple[Floats, Floats]:
    """Unit-norm and positive: it trains better than the usual small noise around zero."""
    source = np.random.default_rng(seed)
    return _unit(source, customers, rank), _unit(source, items, rank)


def warm(last: Factors, customers: pa.StringArray, items: pa.StringArray, rank: int) -> Factors | None:
    """The last model's rows by name, or None where too few are known. New ones start at zero."""
    if last.of_items.shape[1] != rank:
        return None
    customer_rows, items_rows = pc.index_in(customers, last.customers), pc.index_in(items, last.items)
    for rows in (customer_rows, items_rows):
        if len(rows) - rows.null_count < KNOWN_SHARE * len(rows):
            return None
    return Factors(
        customers, items, _moved(last.of_customers, customer_rows), _moved(last.of_items, items_rows)
    )


def dump(factors: Factors) -> bytes:
    file = io.BytesIO()
    np.savez(
        file,
        customers=np.array(factors.customers.to_pylist(), np.str_),
        items=np.array(factors.items.to_pylist(), np.str_),
        of_customers=factors.of_customers,
        of_items=factors.of_items,
    )
    return file.getvalue()


def load(raw: bytes) -> Factors:
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as held:
            factors = Factors(
                pa.array(held["customers"].tolist(), pa.string()),
                pa.array(held["items"].tolist(), pa.string()),
                held["of_customers"],
                held["of_items"],
            )
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, AttributeError) as error:
        raise FactorsUnreadableError(f"no factors can be read from it: {error}") from error
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


def _moved(factors: Floats, rows: pa.Int32Array) -> Floats:
    known = rows.is_valid().to_numpy(zero_copy_only=False)
    moved = np.zeros((len(rows), factors.shape[1]), np.float32)
    moved[known] = factors[rows.drop_null().to_numpy()]
    return moved
