"""A page in headless Chromium, where one is installed. Used by tests that look at pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE_WIDTH, DESKTOP_WIDTH = 390, 1280
_HEIGHT = 900


@contextmanager
def opened(page: Path, width: int) -> Iterator[Any]:
    """Selenium's driver, looking at the page."""
    browser, driver = _installed()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (*_QUIET, f"--user-data-dir={page.parent / '.browser'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    looking = webdriver.Chrome(options=options, service=Service(driver))
    try:
        looking.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": _HEIGHT, "deviceScaleFactor": 1, "mobile": width == PHONE_WIDTH},
        )
        looking.get(page.as_uri())
        yield looking
    finally:
        looking.quit()


def _installed() -> tuple[str, str]:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip(f"no browser to look with: install {BROWSERS[0]} and its chromedriver")
    return browser, driver
