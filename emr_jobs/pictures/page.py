"""One HTML page that holds everything: pictures in it, no other file needed, no script, prints well."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import pyarrow as pa

from emr_jobs.pictures.columns import cell

Row = Sequence[object]
_MADE_BY = "Made by <code>cadabra report</code>"  # in the template's last line


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
        return [list(map(cell, self.columns, row)) for row in self.rows]

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
    page.filters["code"] = _code
    return page.from_string(text).render(title=title, made=made, facts=facts, chapters=chapters) + "\n"


def _code(text: str) -> str:
    """What stands in `backticks` as the page's code; the rest is escaped."""
    from markupsafe import Markup, escape

    escaped = str(escape(text))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))  # noqa: S704 (escaped above)


def drawn_on(page: str) -> set[str]:
    """Which pictures a page made by `render` has; of any other page, none."""
    if _MADE_BY not in page:
        return set()
    articles = [article.partition("</article>")[0] for article in page.split("<article ")[1:]]
    names = {re.match(r'id="(\w+)"', article) for article in articles if "<img " in article}
    return {name[1] for name in names if name}


def rows_of(answer: pa.Table) -> list[Row]:
    return list(zip(*(answer[name].to_pylist() for name in answer.column_names), strict=True))
