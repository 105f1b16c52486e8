import re
import shutil
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth_ops.records import Check, Trained, TrainedTable, verdict_of
from synth_ops.report import collect_table, write_report
from synth_ops.workspace import Workspace
from tests.synth_ops.report.toys import plan_of, real, table_plan

HOSTILE = '<script>alert("x")</script>'
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a browser would find, and whether every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def check(verdict: str = "PASS", **fields: Any) -> Check:
    base = {"table": "users", "name": "pair_error", "verdict": verdict, "prose": "Pairs must stray little."}
    return Check.model_validate(base | fields)


def report(
    tmp_path: Path, checks: tuple[Check, ...] = (), facts: Mapping[str, Any] | None = None, name: str = "users"
) -> str:
    table = table_plan(real(), name)
    plan = plan_of(table)
    charts = [collect_table(plan, table, real(), real(1))]
    workspace = Workspace(tmp_path, "shop", "2026-01-31").prepare()
    path = write_report(workspace, plan, checks, charts, facts or {})
    assert path == workspace.report
    return path.read_text(encoding="utf-8")


def test_report_is_well_formed_html(tmp_path: Path) -> None:
    page = Page(report(tmp_path, (check(), check("FAIL", column="plan"), check("ABSTAIN", table="elsewhere"))))

    assert page.open == []
    assert page.tags[0] == ("html", {"lang": "en"})


def test_report_loads_nothing(tmp_path: Path) -> None:
    text = report(tmp_path, (check(),))

    assert not re.search(r"https?://|url\(|@import|<script|<link|<img|<iframe", text)
    assert not [a for _, attrs in Page(text).tags for a in attrs if a == "src" or a.startswith("on")]
    assert all(str(a["href"]).startswith("#") for _, a in Page(text).tags if "href" in a)


def test_report_holds_no_rare_value(tmp_path: Path) -> None:
    assert "canary" not in report(tmp_path, (check(),))


def test_hostile_names_stay_words(tmp_path: Path) -> None:
    page = Page(report(tmp_path, (check("FAIL", table=HOSTILE, name=HOSTILE, prose=HOSTILE),), name=HOSTILE))

    assert "script" not in [tag for tag, _ in page.tags]
    assert HOSTILE in page.words


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((), "ABSTAIN"),
        ((check(),), "PASS"),
        ((check(), check("FAIL", severity="warning")), "PASS"),
        ((check(), check("ABSTAIN")), "ABSTAIN"),
        ((check("ABSTAIN"), check("FAIL")), "FAIL"),
    ],
)
def test_verdict_is_the_worst_that_blocks(checks: tuple[Check, ...], verdict: str) -> None:
    assert verdict_of(checks) == verdict


def test_verdict_comes_first(tmp_path: Path) -> None:
    words = " ".join(Page(report(tmp_path, (check("FAIL", prose="Copies must be few."),))).words)

    assert words.index("Refused") < words.index("Copies must be few.") < words.index("Distributions")


def test_records_of_steps_are_shown_where_given(tmp_path: Path) -> None:
    trained = Trained(
        night="2026-01-31",
        tables=(TrainedTable(name="users", decision="finetune", reason="12 % of rows are new"),),
        seconds=75.0,
    )
    fidelity = {"users": {"observed": 0.0123, "floor": 0.0101}}

    words = " ".join(Page(report(tmp_path, (check(),), {"trained": trained, "fidelity": fidelity})).words)

    for word in ("finetune", "12 % of rows are new", "1 min 15 s", "0.0123", "0.0101"):
        assert word in words


def test_report_without_charts_or_facts_still_says_the_verdict(tmp_path: Path) -> None:
    plan = plan_of(table_plan(real()))

    path = write_report(Workspace(tmp_path, "shop", "2026-01-31"), plan, [check("ABSTAIN")], [], {})

    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert any("Refused: not everything could be measured" in w for w in page.words)


def test_large_database_stays_small(tmp_path: Path) -> None:
    columns = {f"c{i}": real(i, rare=False)["amount"] for i in range(48)}
    wide = pa.table({"id": range(2000), "plan": real(rare=False)["plan"], **columns})
    tables = [table_plan(wide, f"t{i}") for i in range(27)]
    plan = plan_of(*tables)
    charts = collect_table(plan, tables[0], wide, wide)
    workspace = Workspace(tmp_path, "shop", "2026-01-31").prepare()

    path = write_report(workspace, plan, (check(),), [charts.model_copy(update={"name": t.name}) for t in tables], {})

    assert path.stat().st_size < 6_000_000


def test_browser_draws_the_report(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium: apt-get install chromium")
    report(tmp_path, (check(),))
    shown = tmp_path / "shown.png"
    path = Workspace(tmp_path, "shop", "2026-01-31").report

    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    subprocess.run(
        [browser, *flags, f"--screenshot={shown}", "--window-size=1280,900", path.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    )

    assert shown.stat().st_size > 20_000
