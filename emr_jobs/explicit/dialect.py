"""How a file of ratings or items is written: its separator, its header, which column is what.

MovieLens's CSV with a header, its older `::` lines, tab lines, and the same without a header.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SEPARATORS = ("::", "\t", ",", ";")
LEAST_FIELDS = 2
_SHOWN = 60  # letters of a line that is shown to a person

RATING_NAMES: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "userid", "user_id", "customer", "customerid", "customer_id"),
    "item": ("item", "itemid", "item_id", "movie", "movieid", "movie_id", "product", "product_id"),
    "rating": ("rating", "score", "stars"),
    "time": ("time", "timestamp", "date"),
}
ITEM_NAMES: Mapping[str, tuple[str, ...]] = {
    "item": RATING_NAMES["item"],
    "title": ("title", "name", "description"),
    "genres": ("genres", "genre", "category", "categories"),
}


class FileRefusedError(ValueError):
    """The file is not what it was given as; the message says where, and what it should look like."""


@dataclass(frozen=True, slots=True)
class Dialect:
    separator: str
    columns: dict[str, int]  # the place of each column that there is
    width: int
    header: bool


def detect(text: str, names: Mapping[str, tuple[str, ...]], wanted: tuple[str, ...], place: str) -> Dialect:
    """The dialect of a file by its first line; without a header the columns stand in the order of `names`.

    `wanted` are the columns that must be there. Whether a first line without known names is a header that
    nobody knows or already data is the caller's to judge.
    """
    line = next((line for line in text.lstrip("\ufeff").splitlines() if line.strip()), None)
    if line is None:
        raise FileRefusedError(f"{place} is empty: there is nothing in it to read")
    separator = next((found for found in SEPARATORS if found in line), None)
    if separator is None or line.count(separator) + 1 < max(len(wanted), LEAST_FIELDS):
        raise FileRefusedError(
            f"{place} begins with {shown(line)}: it should have {', '.join(wanted)}, "
            "parted by a comma, a tab, a semicolon or `::`"
        )
    fields = [field.strip().strip('"').lower() for field in line.split(separator)]
    known = {
        column: fields.index(name) for column, words in names.items() for name in words if name in fields
    }
    if not known:
        return Dialect(separator, dict(zip(names, range(len(fields)), strict=False)), len(fields), False)
    if missing := [column for column in wanted if column not in known]:
        raise FileRefusedError(
            f"{place} has the header {shown(line)}, which names no {' and no '.join(missing)}: "
            f"call it, say, {', '.join(names[column][-1] for column in missing)}"
        )
    return Dialect(separator, known, len(fields), True)


def decoded(raw: bytes) -> str:
    """UTF-8, and what is not is read as latin-1: MovieLens's older files are."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def shown(line: str) -> str:
    """A line in a message."""
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "...")
