"""The report's page in a browser: on a phone, on a desk, printed."""

from pathlib import Path
from typing import Any

import pytest

from contracts.s3_layout import Version
from emr_jobs.analyses.questions import questions
from emr_jobs.pictures import page
from emr_jobs.pictures.chapters import chapters
from emr_jobs.pictures.versions import Told
from tests import browser

WHY = "for_you: wholly below the customer's own repeats, -0.020 [-0.031, -0.011] over 812 customers"
TRIAL = {"cut": 5, "ndcg": {"for_you": 0.3}, "leads": []}
CARDS = [
    Told(Version.parse(f"2026030{day}T120000Z-{day}"), False, (WHY,), 9, 9, TRIAL, None) for day in (1, 2)
]
ROWS = "[...document.querySelectorAll('#gate tbody tr')]"
LINE_PIXELS = 24


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(
        page.render(
            "The report", "today", [], chapters(dict.fromkeys(questions()), CARDS, [], "not asked for")
        )
    )
    return path


@pytest.mark.parametrize("width", [browser.PHONE_WIDTH, browser.DESKTOP_WIDTH])
def test_why_the_gate_refused_is_read_without_scrolling_sideways(report: Path, width: int) -> None:
    with browser.opened(report, width) as seen:
        ask: Any = seen.execute_script
        assert ask("return document.documentElement.scrollWidth") <= width
        said = ask(f"return {ROWS}.map(row => row.lastElementChild.innerText)")
        assert said == [WHY, WHY]
        ends = ask(f"return {ROWS}.map(row => row.lastElementChild.getBoundingClientRect().right)")
        assert max(ends) <= width
        # A row is no taller than its own words need: two lines of figures and at most four of reasons.
        assert max(ask(f"return {ROWS}.map(row => row.offsetHeight)")) <= 6 * LINE_PIXELS


def test_it_is_printed_on_white_with_whole_pictures_and_no_links(report: Path) -> None:
    with browser.opened(report, browser.DESKTOP_WIDTH) as seen:
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        seen.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
        style = "return getComputedStyle(document.querySelector('{}')).{}"
        assert seen.execute_script(style.format("body", "backgroundColor")) == "rgb(255, 255, 255)"
        assert seen.execute_script(style.format("nav", "display")) == "none"
        assert seen.execute_script(style.format("article:has(img)", "breakInside")) == "avoid"
