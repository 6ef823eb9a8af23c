"""A column of an answer as numpy or text: Spark's decimals and dates included."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]


def numbers(answer: pa.Table, column: str) -> Floats:
    return np.array(answer[column].cast(pa.float64()).to_pylist(), np.float64)


def texts(answer: pa.Table, column: str) -> list[str]:
    return [str(value) for value in answer[column].to_pylist()]


def written(value: object) -> str:
    """A value as a person reads it in a table."""
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    number = float(value)  # type: ignore[arg-type]  # what is left is a float or a decimal
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.3g}"  # noqa: PLR2004 (four digits)
