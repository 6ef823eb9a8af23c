"""The report's page and pictures, without a lake."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest

from contracts.s3_layout import Version
from emr_jobs import report
from emr_jobs.analyses.questions import Question, questions
from emr_jobs.pictures import page, style, versions
from emr_jobs.pictures.chapters import DRAWN, TOTALS, chapters, facts
from emr_jobs.pictures.columns import written
from emr_jobs.pictures.page import Chapter, Fact, Picture
from emr_jobs.pictures.versions import Told

PNG = b"\x89PNG\r\n\x1a\n"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = pa.array([NOON], pa.timestamp("us", "UTC"))
FATES = ("sale", "return", "fee", "guest", "duplicate", "erased", "rejected")

# An answer of one row to each question: the least that a picture is drawn from.
ANSWERS = {
    "orders_by_hour": {"weekday": [0], "hour": [9], "invoices": [1], "customers": [1], "sales": [2.5]},
    "orders_by_week": {"week": [date(2026, 3, 2)], "invoices": [1], "customers": [1], "sales": [2.5]},
    "orders_best_sellers": {
        "stock_code": ["1"],
        "name": ["A <b>BAG</b> & $x^"],
        "customers": [1],
        "pieces": [2],
        "sales": [5.0],
    },
    "orders_risers": {"stock_code": ["1"], "name": ["BAG"], "before": [0], "invoices": [3], "rise": [1.6]},
    "orders_baskets": {"items": [1], "baskets": [1], "sales": [2.5]},
    "orders_repeats": {"month": [date(2026, 3, 1)], "purchases": [1], "repeats": [0], "share": [0.0]},
    "orders_returns": {"stock_code": ["1"], "name": [None], "sold": [100], "returned": [1], "share": [0.01]},
    "orders_countries": {"country": ["France"], "customers": [1], "invoices": [1], "sales": [0.0]},
    "orders_cohorts": {"cohort": [date(2026, 3, 1)], "later": [0], "customers": [1], "share": [1.0]},
    "orders_totals": {"order_lines": [12345], "newest_order": HOUR},
    "ledger_by_hour": {"hour": HOUR, "objects": [1], "landed": [7], **{fate: [1] for fate in FATES}},
    "ledger_freshness": {"hour": HOUR, "objects": [1], "median": [0.0], "longest": [0.0]},
    "rejects_by_reason": {"reason": ["fields"], "lines": [3], "newest": HOUR, "example": ["7 of 9"]},
    "ratings_top": {"item": ["1"], "title": ["Film"], "votes": [3], "average": [4.5], "bayesian": [3.6]},
    "ratings_enough_votes": {"item": ["1"], "title": ["Film"], "votes": [3], "average": [4.5]},
    "ratings_by_year": {"year": [1999], "rating": [4.5], "ratings": [3]},
    "ratings_by_genre": {"genre": ["Drama"], "rating": [4.5], "ratings": [3]},
    "ratings_activity": {"month": [date(2026, 3, 1)], "ratings": [3], "users": [1], "average": [4.5]},
}


def _answers(*tables: str) -> dict[Question, pa.Table | None]:
    return {asked: pa.table(ANSWERS[asked.name]) if asked.table in tables else None for asked in questions()}


def test_every_question_has_its_picture_and_every_picture_its_question() -> None:
    drawn = {name for names in DRAWN.values() for name in names}
    assert drawn | {TOTALS} == {question.name for question in questions()} == ANSWERS.keys()


@pytest.mark.parametrize("sql", ["", "SELECT 1", "-- no question\nSELECT 1", "SELECT 1 -- what?"])
def test_a_file_that_does_not_begin_with_its_question_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match=r"orders_x\.sql does not begin with its question"):
        Question.read("orders_x", sql)


NOBODY_BACK = "orders_cohorts"  # of a single row there is nothing to draw


@pytest.mark.parametrize(
    ("title", "name"), [(title, name) for title in DRAWN for name in DRAWN[title] if name != NOBODY_BACK]
)
def test_a_picture_can_be_drawn_of_a_single_row(title: str, name: str) -> None:
    with style.drawing():
        figure = DRAWN[title][name](pa.table(ANSWERS[name]))
        assert figure is not None
        assert style.png(figure).startswith(PNG)


def test_the_same_answer_gives_the_same_bytes() -> None:
    first, second = (chapters(_answers("orders"), [], [], "")[0].pictures[0].png for _ in range(2))
    assert first == second


def test_a_chapter_without_its_table_is_left_out_and_an_empty_answer_says_so() -> None:
    answers = _answers("orders", "ledger")
    empty = {asked: held.slice(0, 0) for asked, held in answers.items() if held and asked.name != TOTALS}
    made = chapters(answers | empty, [], [], "not asked for")
    assert [chapter.title for chapter in made] == ["The shop", "The lists", "Every line"]
    said = {picture.name: picture.missing for chapter in made for picture in chapter.pictures}
    assert said["orders_returns"] == "Nothing of the kind has happened."
    assert said["orders_cohorts"] == "Nobody has ordered in a later month than their first yet."
    assert said["rejects_by_reason"] == "There is none of it yet."
    assert said["lists_by_week"] == "not asked for"


def test_facts_are_the_shops_size_what_is_live_and_the_last_verdict() -> None:
    card = Told(Version.parse("20260302T120000Z-7"), False, ("too few",), 10, 10, None, None)
    assert facts(_answers("orders"), [card], "20260302T110000Z-6") == [
        Fact("order lines", "12,345"),
        Fact("newest order", "2026-03-02 12:00"),
        Fact("live lists know orders to", "2026-03-02 11:00"),
        Fact("the gate, last", "refused"),
    ]


def test_a_backtest_is_one_point_however_many_versions_carry_it() -> None:
    lead = {"list": "for_you", "over": "popularity", "ndcg": 0.1}
    trial = {"cut": 5, "ndcg": {"for_you": 0.3}, "leads": [lead]}
    cards = [
        Told(Version.parse(f"20260302T1{hour}0000Z-{hour}"), True, (), 1, 1, trial, None) for hour in (1, 2)
    ]
    first = datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert list(versions.backtests(cards)) == [
        (first, "for_you", "our lists", 0.3),
        (first, "for_you", "popularity", 0.1),
    ]
    with_picture = versions.by_version(cards)
    assert with_picture is not None


class _Tags(HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_but_itself_and_escapes_what_the_shop_wrote() -> None:
    made = chapters(_answers("orders", "ledger", "rejects", "ratings"), [], [], "")
    text = page.render("The report", "today", [], made)
    tags = _Tags()
    tags.feed(text)
    assert "script" not in tags.names
    assert "link" not in tags.names
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in tags.links)
    assert "A &lt;b&gt;BAG&lt;/b&gt; &amp; $x^" in text
    assert "b" not in tags.names


def test_items_without_genres_are_called_so() -> None:
    answers = {
        asked: held.slice(0, 0) if held and asked.name == "ratings_by_genre" else held
        for asked, held in _answers("ratings").items()
    }
    said = {picture.name: picture.missing for picture in chapters(answers, [], [], "")[-1].pictures}
    assert said["ratings_by_genre"] == "The items file names no genres."
    assert said["ratings_top"] == ""


def test_backticks_become_code_and_nothing_else_becomes_markup() -> None:
    pictures = Picture("one", "?", "`average` <i>is</i> 5` long", missing="`cadabra retrain` makes one.")
    text = page.render("The report", "", [], [Chapter("Ratings", (pictures,))])
    assert '<p class="note"><code>average</code> &lt;i&gt;is&lt;/i&gt; 5` long</p>' in text
    assert '<p class="missing"><code>cadabra retrain</code> makes one.</p>' in text


def test_a_year_is_a_name_and_no_number() -> None:
    asked = Picture("ratings", "?", "", PNG, ("year", "ratings"), ((2017, 2017),))
    assert asked.cells == [["2017", "2,017"]]
    assert asked.right == [True, True]


def test_every_chapter_in_the_navigation_is_there() -> None:
    text = page.render("The report", "", [], [Chapter("Every line", ())])
    assert re.findall(r'href="#(.*?)"', text) == re.findall(r'<section id="(.*?)"', text) == ["every-line"]


def test_pngs_lie_beside_the_page(tmp_path: Path) -> None:
    pictures = (Picture("one", "?", "", PNG), Picture("two", "?", "", missing="none"))
    report.write(tmp_path / "new", "<html>", [Chapter("The shop", pictures)])
    held = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert held == {"new/report.html", "new/pictures/one.png"}


def _report(folder: Path, *drawn: str) -> None:
    pictures = tuple(Picture(name, "?", "", PNG if name in drawn else None) for name in ("one", "two"))
    made = [Chapter("The shop", pictures)]
    report.write(folder, page.render("The report", "", [], made), made)


def test_pictures_of_an_earlier_report_go_and_a_users_own_files_stay(tmp_path: Path) -> None:
    _report(tmp_path, "one")
    own = [tmp_path / "pictures" / name for name in ("two.png", "logo.png")]
    for path in own:
        path.write_bytes(b"mine")
    _report(tmp_path)  # nothing was drawn this time
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"two.png", "logo.png"}
    _report(tmp_path, "two")
    _report(tmp_path, "one")
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"one.png", "logo.png"}


def test_a_page_that_is_not_a_report_tells_of_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes(b'\xff<article id="one"><img src="pictures/one.png"></article>')
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.png").write_bytes(b"mine")
    _report(tmp_path)
    assert (tmp_path / "pictures" / "one.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (1234567, "1,234,567"),
        (0.0123456, "0.0123"),
        (0.0000123456, "0.0000123"),
        (999.4, "999"),
        (999.6, "1,000"),
        (-999.6, "-1,000"),
        (Decimal("4.50"), "4.5"),
        (98765.4, "98,765"),
        (NOON, "2026-03-02 12:00"),
        (date(2026, 3, 2), "2026-03-02"),
    ],
)
def test_figures_are_written_as_people_read_them(value: object, text: str) -> None:
    assert written(value) == text
