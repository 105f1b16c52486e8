"""What a person sees in Airflow, through a real browser."""

import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.airflow_server import AirflowServer, Refused

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def test_graph_shows_a_group_that_opens_into_steps_and_tables(
    airflow_server: AirflowServer, group_run: str, browser_page: "Page", screenshots: Path
) -> None:
    _open(airflow_server, browser_page, f"dags/group/runs/{_quoted(group_run)}")
    _show_graph(browser_page)
    browser_page.get_by_text("synth_refresh").last.wait_for()
    browser_page.screenshot(path=screenshots / "airflow_group.png")
    browser_page.get_by_role("button", name=re.compile("expand all", re.IGNORECASE)).first.click()
    for step in ("extract", "train_users", "train_orders", "sample", "validate", "publish"):
        browser_page.get_by_text(step, exact=True).first.wait_for()
    browser_page.wait_for_timeout(1500)  # the graph moves to its place
    browser_page.screenshot(path=screenshots / "airflow_graph.png")

    assert browser_page.get_by_text("SynthStepOperator").count() >= 6


def test_log_of_a_refused_copy_shows_what_did_not_pass(
    airflow_server: AirflowServer, refusal: Refused, browser_page: "Page", screenshots: Path
) -> None:
    _open(airflow_server, browser_page, f"dags/refused/runs/{_quoted(refusal.run_id)}/tasks/refresh")
    browser_page.get_by_text("The gate refused the copy").first.wait_for()
    browser_page.keyboard.press("f")  # the log alone, for its lines are long
    browser_page.wait_for_timeout(1000)
    browser_page.screenshot(path=screenshots / "airflow_refused.png")
    shown = browser_page.locator("body").inner_text()

    assert "expect_table_row_count_to_match_plan" in shown
    assert "Rows must be 3 to 4 times" in shown


def test_buttons_lead_to_report_and_snapshot(
    airflow_server: AirflowServer, shop_run: str, browser_page: "Page", screenshots: Path
) -> None:
    """Airflow shows none for a file's own address."""
    _open(airflow_server, browser_page, f"dags/shop/runs/{_quoted(shop_run)}/tasks/refresh/details")
    report = browser_page.get_by_role("link", name="Quality report")
    report.wait_for()
    browser_page.screenshot(path=screenshots / "airflow_links.png")

    assert (report.get_attribute("href") or "").startswith("https://reports.example/")
    assert browser_page.get_by_role("link", name="Snapshot").count() == 1


def _show_graph(page: "Page") -> None:
    """Switch from the grid, which Airflow shows at first, to the graph."""
    page.get_by_role("button", name=re.compile("graph", re.IGNORECASE)).or_(
        page.get_by_label(re.compile("show graph", re.IGNORECASE))
    ).first.click()


def _open(server: AirflowServer, page: "Page", path: str) -> None:
    page.goto(f"{server.url}/{path}")


def _quoted(run_id: str) -> str:
    return urllib.parse.quote(run_id, safe="")
