"""One HTML page that holds everything: pictures in it, no other file needed, no script, prints well."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import pyarrow as pa

from emr_jobs.pictures.columns import written

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class Picture:
    """One question's answer. Without a PNG `missing` says why there is none."""

    name: str  # of its file
    title: str
    note: str
    png: bytes | None = None
    columns: Sequence[str] = ()
    rows: Sequence[Row] = ()
    missing: str = ""

    @property
    def source(self) -> str:
        return f"data:image/png;base64,{base64.b64encode(self.png or b'').decode()}"

    @property
    def cells(self) -> list[list[str]]:
        return [[written(value) for value in row] for row in self.rows]

    @property
    def right(self) -> list[bool]:
        """Which columns are numbers."""
        first = self.rows[0] if self.rows else ()
        return [isinstance(value, int | float) or hasattr(value, "as_tuple") for value in first]


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    pictures: tuple[Picture, ...]

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure at the head of the page."""

    label: str
    value: str


def render(title: str, made: str, facts: Sequence[Fact], chapters: Sequence[Chapter]) -> str:
    from jinja2 import Environment, StrictUndefined

    text = resources.files(__package__).joinpath("page.html").read_text()
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(text).render(title=title, made=made, facts=facts, chapters=chapters) + "\n"


def rows_of(answer: pa.Table) -> list[Row]:
    return list(zip(*(answer[name].to_pylist() for name in answer.column_names), strict=True))
