"""A real browser for the tests. SYNTH_OPS_SCREENSHOTS names a folder to keep pictures in."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

MILLISECONDS = 60_000
SIZE = {"width": 1600, "height": 1000}


@pytest.fixture(scope="module")  # its event loop runs as long as it does, and other tests run their own
def browser() -> Iterator["BrowserContext"]:
    """Give a headless Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'synth-ops[dev]'")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        context = chromium.new_context(viewport=SIZE, locale="en", reduced_motion="reduce")
        context.set_default_timeout(MILLISECONDS)
        yield context
        chromium.close()


@pytest.fixture
def browser_page(browser: "BrowserContext") -> Iterator["Page"]:
    """Give a page, which is closed at once: a page that shows what goes on takes a core."""
    with browser.new_page() as page:
        yield page


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the pictures."""
    folder = Path(os.environ.get("SYNTH_OPS_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
