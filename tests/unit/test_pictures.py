"""What a reader sees of the pictures: every name is there, no letters lie on others, axes fit their data."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.text import Text

from emr_jobs.judging import plots
from emr_jobs.judging.comparison import OURS
from emr_jobs.pictures import ledger, line_names, orders, ratings, scales, style, versions

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK_SECONDS = 7 * 86_400
# NDCG on the test fortnight of Online Retail; then contenders that are hardly apart, above and below.
RETAIL = {
    "popularity, all time": 0.074,
    "popularity, 14 days": 0.126,
    "own purchases": 0.340,
    "TIFU-like": 0.348,
    "item neighbours": 0.184,
    "EASE": 0.243,
    "ALS of the tutorials": 0.046,
    "ALS, binary": 0.246,
    "ALS, decayed": 0.296,
    "linear blend": 0.367,
    OURS: 0.379,
}
CLOSE = {name: 0.5 + place / 1000 for place, name in enumerate(RETAIL)}
LOW = {name: place / 1000 for place, name in enumerate(RETAIL)} | {OURS: 0.4}
NONE_KNOWN = dict.fromkeys(RETAIL, 0.0)


@pytest.fixture(autouse=True)
def look() -> Iterator[None]:
    with style.drawing():
        yield


def drawn(figure: Figure) -> Figure:
    """As it is saved: everything stands where it will."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    return figure


def letters(figure: Figure) -> list[Text]:
    """All that can be read; ticks beyond an axis's end cannot."""
    hidden = {
        id(text)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for text in (tick.label1, tick.label2)
    }
    found: list[Any] = figure.findobj(Text)
    return [text for text in found if text.get_text() and text.get_visible() and id(text) not in hidden]


def clashes(figure: Figure) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), Text.get_window_extent(text)) for text in letters(figure)]
    return [(one, two) for (one, here), (two, there) in combinations(boxes, 2) if here.overlaps(there)]


def by_week(ends: dict[str, float], weeks: int) -> Figure:
    found: Any = [
        SimpleNamespace(
            cut=1_320_000_000 + week * WEEK_SECONDS,
            lists=ends,
            ndcg={(name, "for_you"): np.array([end, end]) for name, end in ends.items()},
        )
        for week in range(weeks)
    ]
    return drawn(plots.by_week(found, "for_you"))


@pytest.mark.parametrize("weeks", [1, 2, 40])
@pytest.mark.parametrize("ends", [RETAIL, CLOSE, LOW, NONE_KNOWN], ids=["retail", "close", "low", "none"])
def test_every_line_has_its_name_in_the_figure_and_no_letters_lie_on_others(
    ends: dict[str, float], weeks: int
) -> None:
    figure = by_week(ends, weeks)
    named = {text.get_text(): Text.get_window_extent(text) for text in letters(figure)}
    assert ends.keys() <= named.keys()
    for name in ends:
        assert figure.bbox.x0 <= named[name].x0 < named[name].x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= named[name].y0 < named[name].y1 <= figure.bbox.y1
    assert clashes(figure) == []


def test_a_name_with_room_stands_at_its_lines_end_and_all_keep_the_lines_order() -> None:
    figure = by_week(RETAIL, 3)
    at = {text.get_text(): text.get_position()[1] for text in letters(figure) if text.get_text() in RETAIL}
    assert sorted(at, key=at.__getitem__) == sorted(RETAIL, key=RETAIL.__getitem__)
    for name in ("popularity, 14 days", "item neighbours", "ALS, decayed"):
        assert at[name] == pytest.approx(RETAIL[name])


def test_lines_can_be_told_apart_and_ours_is_the_strongest() -> None:
    lines = by_week(RETAIL, 3).axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(RETAIL)
    widths = dict(zip(RETAIL, (line.get_linewidth() for line in lines), strict=True))
    assert widths[OURS] >= 2 * max(width for name, width in widths.items() if name != OURS)


@pytest.mark.parametrize(
    ("ends", "places"),
    [
        ([2.0, 8.0], [2.0, 8.0]),  # room enough
        ([5.0, 5.0], [4.5, 5.5]),  # both give way
        ([6.0, 5.0, 1.0], [6.0, 5.0, 1.0]),  # in whatever order
        ([10.0, 10.0], [9.0, 10.0]),  # the top is the end
        ([0.0, 0.0, 0.5], [0.0, 1.0, 2.0]),  # and so is the bottom
        ([], []),
    ],
)
def test_names_move_as_little_as_a_step_between_them_allows(ends: list[float], places: list[float]) -> None:
    assert list(line_names.spread(ends, 1.0, 0.0, 10.0)) == pytest.approx(places)


@pytest.mark.parametrize("largest", [3.0, 620.0, 15_000.0, 12_345_678.0])
def test_a_scale_of_tens_has_plain_numbers_that_do_not_touch(largest: float) -> None:
    sales = np.geomspace(largest, 1, 12).tolist() if largest > 1000 else [largest]
    countries = [f"Country {place}" for place in range(len(sales))]
    answer = pa.table({"country": countries, "customers": [3900] * len(sales), "sales": sales})
    figure = drawn(orders.countries(answer))
    axis = figure.axes[0].xaxis
    ends = figure.axes[0].get_xlim()
    numbers = [t.label1.get_text() for t in axis.get_major_ticks() if ends[0] <= t.get_loc() <= ends[1]]
    assert numbers
    assert all(number.replace(",", "").rstrip("0") in ("1", "0.1") for number in numbers)
    assert clashes(figure) == []


@pytest.mark.parametrize("scale", [5, 10, 100])
def test_ratings_of_any_scale_are_legible(scale: int) -> None:
    given = [scale * place / 10 for place in range(11)]
    genres = ["Drama", "War"]
    table = {"genre": [genre for genre in genres for _ in given], "rating": given * 2, "ratings": [10] * 22}
    assert clashes(drawn(ratings.by_genre(pa.table(table)))) == []


def test_one_hour_of_freshness_is_shown_within_its_day() -> None:
    hour = pa.array([NOON], pa.timestamp("us", "UTC"))
    figure = drawn(ledger.freshness(pa.table({"hour": hour, "median": [3.0], "longest": [9.0]})))
    assert np.ptp(figure.axes[0].get_xlim()) <= 1
    assert figure.axes[0].get_ylim()[1] <= 1440  # no year upwards either
    assert clashes(figure) == []


def test_one_month_of_activity_is_a_bar_that_can_be_seen() -> None:
    figure = drawn(ratings.activity(pa.table({"month": [date(2026, 3, 1)], "ratings": [3], "users": [1]})))
    for axes in figure.axes:
        assert axes.patches[0].get_width() == 31
        assert np.ptp(axes.get_xlim()) < 10 * 31
    assert clashes(figure) == []


def test_the_newest_week_is_drawn_and_a_week_without_orders_stays_empty() -> None:
    weeks = [date(2026, 3, 2), date(2026, 3, 16)]
    figure = drawn(orders.by_week(pa.table({"week": weeks, "sales": [1.5, 2.5], "customers": [1, 2]})))
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in figure.axes[0].patches]
    assert bars == [(date2num(weeks[0]), 7, 1.5), (date2num(weeks[1]), 7, 2.5)]


def test_months_without_anyone_who_came_back_have_no_picture() -> None:
    months = [date(2026, 2, 1), date(2026, 3, 1)]
    assert orders.cohorts(pa.table({"cohort": months, "later": [0, 0], "share": [1.0, 1.0]})) is None


def test_a_contender_has_one_colour_in_both_panels() -> None:
    leads = [
        {"list": "for_you", "over": "own purchases", "ndcg": 0.3},
        {"list": "discover", "over": "popularity", "ndcg": 0.1},
    ]
    trial = {"cut": 5, "ndcg": {"for_you": 0.3, "discover": 0.1}, "leads": leads}
    told: Any = SimpleNamespace(trial=trial, as_of=NOON)
    figure = versions.by_version([told])
    assert figure is not None
    colours = [{line.get_label(): line.get_color() for line in axes.lines} for axes in figure.axes]
    assert colours[0]["our lists"] == colours[1]["our lists"]
    assert colours[0]["own purchases"] != colours[1]["popularity"]


@pytest.mark.parametrize(
    ("number", "text"), [(0.2, "0.2"), (250, "250"), (999.6, "1,000"), (1500, "1.5k"), (2e6, "2M")]
)
def test_an_axis_says_plain_numbers(number: float, text: str) -> None:
    axes = style.axes()
    scales.plain(axes.yaxis)
    assert axes.yaxis.get_major_formatter()(number, 0) == text


def test_an_hour_stands_behind_the_time_at_which_it_begins() -> None:
    fates = {fate: [0] for fate in ("return", "fee", "guest", "duplicate", "erased", "rejected")}
    hour = pa.array([NOON], pa.timestamp("us", "UTC"))
    figure = ledger.by_hour(pa.table({"hour": hour, "sale": [7], **fates}))
    bar = figure.axes[0].patches[0]
    ends = [bar.get_x(), bar.get_x() + bar.get_width()]
    assert ends == pytest.approx([date2num(NOON), date2num(NOON + timedelta(hours=1))])
