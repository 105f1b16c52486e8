"""What a person sees in Dagster, through a real browser."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dagster_server import MODULE, DagsterServer, Refused, nights_before
from tests.servers import within

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def test_graph_tells_what_each_asset_of_a_table_is(
    dagster_server: DagsterServer, published: str, browser_page: "Page", screenshots: Path
) -> None:
    _open(dagster_server, browser_page, _group("shop"))
    for role in ("production", "extract", "model", "synthetic", "snapshot"):
        browser_page.get_by_text(role, exact=True).first.wait_for()
    browser_page.get_by_text("16 / 16 Passed").first.wait_for()
    browser_page.screenshot(path=screenshots / "graph.png")

    assert browser_page.get_by_text("orders", exact=True).count() >= 5


def test_a_night_is_made_by_clicks(dagster_server: DagsterServer, browser_page: "Page", screenshots: Path) -> None:
    night = nights_before(22)[0]
    _open(dagster_server, browser_page, _group("clock"))
    browser_page.get_by_role("button", name="Materialize all").first.click()
    dialog = browser_page.get_by_role("dialog").first
    dialog.get_by_role("textbox").first.fill(night)
    browser_page.keyboard.press("Enter")
    launch = dialog.get_by_role("button", name="Launch 1 run")
    launch.wait_for()
    browser_page.screenshot(path=screenshots / "materialize.png")
    launch.click()
    run_id = _run_of(dagster_server, night)
    browser_page.goto("about:blank")  # while it runs: a page that shows it takes a core
    dagster_server.finish(run_id)
    _open(dagster_server, browser_page, f"runs/{run_id}")
    browser_page.get_by_text("Success", exact=True).first.wait_for()
    browser_page.screenshot(path=screenshots / "run.png")

    assert night in [s[:10] for s in dagster_server.snapshots("clock")]


def test_a_published_table_shows_columns_figures_and_report(
    dagster_server: DagsterServer, published: str, browser_page: "Page", screenshots: Path
) -> None:
    _open(dagster_server, browser_page, "assets/shop/snapshot/users")
    browser_page.get_by_text("report.html").first.wait_for()
    browser_page.screenshot(path=screenshots / "snapshot.png", full_page=True)
    shown = browser_page.locator("body").inner_text()

    assert re.search(r"Row count\s+100\b", shown)
    assert "mint: primary key" in shown
    assert "verdict" in shown


def test_a_model_shows_what_was_decided_and_why(
    dagster_server: DagsterServer, published: str, browser_page: "Page", screenshots: Path
) -> None:
    night = nights_before(20)[0]
    _open(dagster_server, browser_page, f"assets/shop/model/orders?view=events&partition={night}")
    browser_page.get_by_text("no model yet").first.wait_for()
    browser_page.screenshot(path=screenshots / "model.png")

    assert "retrain" in browser_page.locator("body").inner_text()


def test_checks_of_a_table_are_listed_with_what_was_found(
    dagster_server: DagsterServer, published: str, browser_page: "Page", screenshots: Path
) -> None:
    check = "expect_foreign_key_to_resolve_user_id_users"
    _open(dagster_server, browser_page, f"assets/shop/synthetic/orders?view=checks&checkDetail={check}")
    browser_page.get_by_text("This is a blocking asset check.").first.wait_for()
    browser_page.get_by_text("Evaluation result").first.wait_for()
    browser_page.screenshot(path=screenshots / "checks.png")

    assert "Checks (17)" in browser_page.locator("body").inner_text()


def test_a_refused_night_explains_itself_in_its_run(
    dagster_server: DagsterServer, refused: Refused, browser_page: "Page", screenshots: Path
) -> None:
    _open(dagster_server, browser_page, f"runs/{refused.run_id}")
    browser_page.get_by_text("Failure", exact=True).first.wait_for()
    browser_page.get_by_placeholder("Filter…").first.fill("gate says")
    browser_page.get_by_text("The gate says FAIL").first.wait_for()
    browser_page.screenshot(path=screenshots / "refused_run.png")

    assert "expect_table_row_count_to_match_plan" in browser_page.locator("body").inner_text()


def test_a_refused_gate_stays_in_the_history_of_its_check(
    dagster_server: DagsterServer, refused: Refused, browser_page: "Page", screenshots: Path
) -> None:
    _open(dagster_server, browser_page, "assets/shop/synthetic/orders?view=checks&checkDetail=gate")
    browser_page.get_by_text("Evaluation result").first.wait_for()
    browser_page.screenshot(path=screenshots / "refused_gate.png")
    browser_page.get_by_text("Execution history").first.click()
    browser_page.get_by_text("1 of 16 expectations block").first.wait_for()
    browser_page.screenshot(path=screenshots / "gate_history.png")

    assert "The night's verdict is FAIL." in browser_page.locator("body").inner_text()


def _group(dataset: str) -> str:
    return f"locations/{MODULE}/asset-groups/{dataset}"


def _open(server: DagsterServer, page: "Page", path: str) -> None:
    page.goto(f"{server.url}/{path}")


def _run_of(server: DagsterServer, night: str) -> str:
    """Wait for the run of a night that was launched by a click, and give its id."""

    def runs() -> list[str]:
        return [r.run_id for r in server.instance.get_runs() if r.tags.get("dagster/partition") == night]

    within(120, lambda: bool(runs()), f"a run of {night}")
    return runs()[0]
