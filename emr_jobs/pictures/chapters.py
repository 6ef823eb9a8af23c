"""The report's chapters: which pictures stand in each, and in which order. Pure: answers and cards in."""

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa
from matplotlib.figure import Figure

from contracts.lists import CUSTOMER_LISTS, SHOWN_ENTRIES
from contracts.s3_layout import Version
from emr_jobs.analyses.questions import Question
from emr_jobs.judging import plots
from emr_jobs.judging.comparison import Comparison
from emr_jobs.pictures import ledger, orders, ratings, style, versions
from emr_jobs.pictures.columns import written
from emr_jobs.pictures.page import Chapter, Fact, Picture, rows_of
from emr_jobs.pictures.versions import Told

TOTALS = "orders_totals"  # told as facts, not drawn
Answers = Mapping[Question, pa.Table | None]  # None: the lake has no such table
Draw = Callable[[pa.Table], Figure | None]  # None: there is nothing to draw
DRAWN: Mapping[str, Mapping[str, Draw]] = {
    "The shop": orders.DRAWN,
    "Every line": ledger.DRAWN,
    "Ratings": ratings.DRAWN,
}
EMPTY = orders.EMPTY | ratings.EMPTY
NONE = "Nothing of the kind has happened."  # where EMPTY does not know better
LISTS = "The lists"


def facts(answers: Answers, cards: list[Told], live: str) -> list[Fact]:
    totals = next((answer for asked, answer in answers.items() if asked.name == TOTALS), None)
    held = totals.to_pylist()[0] if totals else {}
    said = [Fact(name.replace("_", " "), written(value)) for name, value in held.items()]
    said.append(
        Fact("live lists know orders to", written(Version.parse(live).as_of) if live else "none are live")
    )
    if cards:
        said.append(Fact("the gate, last", "passed" if cards[-1].passed else "refused"))
    return said


def chapters(answers: Answers, cards: list[Told], weeks: list[Comparison], no_weeks: str) -> list[Chapter]:
    """The shop, the lists, the lines; and the ratings where there are some."""
    asked = {question.name: (question, answer) for question, answer in answers.items()}
    told = {
        title: Chapter(title, tuple(_picture(*asked[name], draw) for name, draw in drawn.items()))
        for title, drawn in DRAWN.items()
        if any(asked[name][1] is not None for name in drawn)
    }
    lists = Chapter(LISTS, (*_by_week(weeks, no_weeks), *_by_version(cards)))
    order = ("The shop", LISTS, "Every line", "Ratings")
    return [(told | {LISTS: lists})[title] for title in order if title == LISTS or title in told]


def _picture(question: Question, answer: pa.Table | None, draw: Draw) -> Picture:
    said = question.name, question.text, question.grain
    if answer is None:
        return Picture(*said, missing="There is none of it yet.")
    png = _drawn(partial(draw, answer)) if answer.num_rows else None
    if png is None:
        return Picture(*said, missing=EMPTY.get(question.name, NONE))
    return Picture(*said, png, answer.column_names, rows_of(answer))


def _by_week(weeks: list[Comparison], no_weeks: str) -> list[Picture]:
    title = "How good would {} have been, by week?"
    note = (
        f"NDCG@{SHOWN_ENTRIES}: each line learnt from the orders before a week and is judged by what was "
        "bought in it."
    )
    if not weeks:
        return [Picture("lists_by_week", title.format("the lists"), note, missing=no_weeks)]
    return [
        Picture(
            f"{name}_by_week",
            title.format(name),
            note,
            _drawn(partial(plots.by_week, weeks, name)),
        )
        for name in CUSTOMER_LISTS
    ]


def _by_version(cards: list[Told]) -> list[Picture]:
    columns, rows = versions.decisions(cards)
    return [
        _optional(
            "lists_by_version",
            "How good is each version?",
            "Its backtest over the fortnight before it, which a run makes once a day.",
            lambda: versions.by_version(cards),
            "No version has been judged yet: that takes a fortnight of orders after some to learn from.",
        ),
        _optional(
            "lists_shown",
            "How good were the lists that customers saw?",
            "What went live and is a day old, judged once a day by what was bought after it.",
            lambda: versions.shown(cards),
            "No version that went live has been judged yet: that takes a day of orders after it.",
        ),
        Picture(
            "gate",
            "What did the gate decide?",
            "A refused version leaves the last lists standing.",
            columns=columns,
            rows=rows,
            missing="" if rows else "No version was made yet: `cadabra retrain` makes one.",
        ),
    ]


def _optional(name: str, title: str, note: str, draw: Callable[[], Figure | None], missing: str) -> Picture:
    png = _drawn(draw)
    return Picture(name, title, note, png, missing="" if png else missing)


def _drawn(draw: Callable[[], Figure | None]) -> bytes | None:
    with style.drawing():
        figure = draw()
        return style.png(figure) if figure else None
