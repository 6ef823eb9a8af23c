"""A column of an answer as numpy or text: Spark's decimals and dates included."""

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
_NAMING = ("year",)  # columns whose numbers are names


def numbers(answer: pa.Table, column: str) -> Floats:
    return np.array(answer[column].cast(pa.float64()).to_pylist(), np.float64)


def texts(answer: pa.Table, column: str) -> list[str]:
    return [str(value) for value in answer[column].to_pylist()]


def cell(column: str, value: object) -> str:
    """As `written`, but for a number that names something: the year 2017 is no 2,017 years."""
    return str(value) if column in _NAMING else written(value)


def written(value: object) -> str:
    """A value as a person reads it: whole from a thousand on, else three digits, and never as 1e+03."""
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    number = float(value)  # type: ignore[arg-type]  # what is left is a float or a decimal
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{Decimal(f'{number:.3g}'):,f}"  # noqa: PLR2004 (four digits)
