import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth_ops.plan.plan import Plan, TablePlan
from synth_ops.records import Check, Trained, TrainedTable
from synth_ops.report import Facts, NightFigures, PublishedNight, collect_table, render, write_report
from synth_ops.workspace import Workspace
from tests.synth_ops.report.browser import browse, console, widths
from tests.synth_ops.report.toys import check, plan_of, real, table_plan

HOSTILE = '<script>alert("x")</script>'
NAMES = '<b>&"'
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a browser would find, and whether every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

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


def drawn(name: str = "users") -> tuple[Plan, list[Any]]:
    table = table_plan(real(), name)
    plan = plan_of(table)
    return plan, [collect_table(plan, table, real(), real(1))]


def report(*checks: Check, name: str = "users", **facts: Any) -> str:
    plan, charts = drawn(name)
    return render(plan, checks, charts, Facts(night="2026-01-31", **facts))


def night(day: int, **figures: Any) -> NightFigures:
    return NightFigures.model_validate({"night": f"2026-01-{day:02d}", "verdict": "PASS", "n_rows": 2000} | figures)


NIGHTS = (night(27, pair_error=0.021, pair_floor=0.02), NightFigures(night="2026-01-28"), night(29), night(30))


def everything(name: str = "users") -> str:
    """Give a page on which nothing is missing that the page can show."""
    attack = {"group": "privacy", "low": 0.49, "high": 0.56, "limit": 0.55, "detectable": 0.53}
    return report(
        check("FAIL", table=name, name="expect_membership_auc", observed=0.52, **attack),
        check("ABSTAIN", table=name, name="suite", prose="The suite must be asserted."),
        check(table="elsewhere", name=name, column=name),
        name=name,
        fidelity={name: {"observed": 0.0123, "floor": 0.0101, "independent": 0.2}},
        trained=Trained(night="2026-01-31", tables=(TrainedTable(name=name, decision="reuse", reason="-"),), seconds=1),
        history=NIGHTS,
        before=PublishedNight(night="2026-01-30", snapshot="-", n_rows={name: 9}, checks=()),
    )


def test_report_is_well_formed_html() -> None:
    page = Page(everything())

    assert page.open == []
    assert page.tags[0] == ("html", {"lang": "en"})


def test_page_holds_each_section_under_its_heading() -> None:
    text = Page(everything()).text

    headings = (
        "What to do",
        "Since 2026-01-30, the last night that was published",
        "Tables",
        "The last 5 nights",
        "The whole database",
        "Distributions",
        "How columns go together",
        "What became of each column",
        "How to read the figures",
        "The plan",
    )
    at = [text.find(heading) for heading in headings]
    assert -1 not in at
    assert at[:2] == sorted(at[:2])


def test_report_loads_nothing() -> None:
    text = everything()

    assert not re.search(r"https?://|url\(|@import|<script|<link|<img|<iframe", text)
    assert not [a for _, attrs in Page(text).tags for a in attrs if a == "src" or a.startswith("on")]
    assert all(str(a["href"]).startswith("#") for _, a in Page(text).tags if "href" in a)


def test_every_link_leads_somewhere_and_every_name_is_given_once() -> None:
    tags = Page(everything()).tags
    names = [str(a["id"]) for _, a in tags if "id" in a]

    assert len(names) == len(set(names))
    assert {str(a["href"])[1:] for _, a in tags if "href" in a} <= set(names)


def test_every_drawing_is_said_in_words() -> None:
    page = Page(everything())
    images = [attrs for _, attrs in page.tags if attrs.get("role") == "img"]

    assert all(attrs.get("aria-label") for attrs in images)
    assert all(attrs.get("aria-hidden") == "true" for tag, attrs in page.tags if tag == "svg")
    assert len(images) >= sum(tag == "svg" for tag, _ in page.tags)


def test_report_holds_no_rare_value() -> None:
    assert "canary" not in everything()


@pytest.mark.parametrize("hostile", [HOSTILE, NAMES])
def test_hostile_names_stay_words(hostile: str) -> None:
    plain, page = Page(everything()), Page(everything(hostile))

    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert any(hostile in words for words in page.words)


def test_hostile_column_names_stay_words() -> None:
    pages = []
    for name in ("plain", NAMES):
        table = pa.table({"id": range(400), name: [i % 300 for i in range(400)], "word": ["a", "b"] * 200})
        plan = plan_of(table_plan(table))
        charts = [collect_table(plan, plan.tables[0], table, table)]
        pages.append(Page(render(plan, [check(column=name)], charts)))

    plain, page = pages
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert NAMES in page.words
    assert NAMES in {attrs.get("title") for _, attrs in page.tags}


def test_verdict_comes_first_and_the_worst_reason_first() -> None:
    text = Page(
        report(
            check("ABSTAIN", prose="Rows were too few."),
            check("FAIL", group="columns", observed=0.3, limit=0.2, prose="A column strays a little."),
            check("FAIL", group="columns", observed=0.9, limit=0.2, prose="A column strays far."),
            check("FAIL", group="privacy", prose="Copies must be few."),
            check("FAIL", severity="warning", prose="Only a warning."),
        )
    ).text

    words = ("Refused", "Copies must be few.", "strays far", "strays a little", "too few", "What to do", "Tables")
    at = [text.index(word) for word in words]
    assert at == sorted(at)
    assert text.index("Only a warning.") > text.index("Tables")


def test_what_could_not_be_measured_says_what_to_do() -> None:
    text = Page(report(check("ABSTAIN"), check("ABSTAIN", name="suite missing"))).text

    assert "Refused: not everything could be measured" in text
    assert "make the check a warning in the table's suite" in text
    assert "Mend the suite's file" in text


def test_warnings_are_told_at_the_top_where_nothing_blocks() -> None:
    warnings = [check("FAIL", severity="warning", prose=f"Warning {i}.") for i in range(6)]

    text = Page(report(check(), *warnings)).text.partition("Checks passed")[0]

    assert "6 warnings ask for a look" in text
    assert [f"Warning {i}." in text for i in range(6)] == [True] * 4 + [False] * 2
    assert "and 2 more" in text


def test_nothing_asserted_is_refused() -> None:
    text = Page(report()).text

    assert "No check was measured" in text
    assert "may not be published" in text


def test_records_of_steps_are_shown_where_given() -> None:
    trained = Trained(
        night="2026-01-31",
        tables=(
            TrainedTable(
                name="users",
                decision="finetune",
                reason="12 % of rows are new",
                seconds=75.0,
                n_epochs=3,
                stopped_by="converged",
            ),
        ),
        seconds=95.0,
    )
    fidelity = {"users": {"observed": 0.0123, "floor": 0.0101, "independent": 0.2}}

    text = Page(report(check(), trained=trained, fidelity=fidelity)).text

    for word in ("finetune", "12 % of rows are new", "1 min 15 s", "train 1 min 35 s", "3 epochs, ended by converged"):
        assert word in text
    for word in ("0.0123", "0.0101", "0.2000", "keeps 98.8 %"):
        assert word in text


def test_checks_stand_in_their_groups_and_unknown_groups_are_shown() -> None:
    strange = check(prose="Tides must be kept.").model_copy(update={"group": "tides"})

    page = Page(report(check(group="privacy"), check("FAIL", group="columns", severity="warning"), strange))

    text = page.text
    assert text.index("Privacy: whether") < text.index("Columns, one by one") < text.index("Tides 1 of 1 passed")
    assert "0 of 1 passed, none blocks" in text
    assert "Tides must be kept." in text
    unfolded = ["open" in attrs for _, attrs in page.tags if attrs.get("class") == "inner checked"]
    assert unfolded == [False, True, False]


def test_bounds_and_smallest_visible_effect_are_shown_where_they_are_known() -> None:
    plain = Page(report(check(group="privacy", observed=0.51))).text
    fields: dict[str, Any] = {"group": "privacy", "observed": 0.51, "low": 0.487, "high": 0.538, "detectable": 0.526}

    text = Page(report(check(**fields))).text

    assert "0.487 to 0.538" in text
    assert "0.526 would have been told from chance four times of five" in text
    assert "told from chance four" not in plain.partition("How to read the figures")[0]


def test_judged_tables_need_no_night() -> None:
    plan, charts = drawn()

    text = Page(render(plan, [check("FAIL")], charts)).text

    assert "The synthetic copy of shop may not be published." in text
    assert "report of a judged copy" in text
    for word in ("night of", "snapshot stands", "History", "Decision", "Training", "What became", "minted"):
        assert word not in text.partition("How to read the figures")[0]


def test_report_without_charts_or_facts_still_says_the_verdict() -> None:
    page = Page(render(plan_of(table_plan(real())), [check("ABSTAIN")], []))

    assert page.open == []
    assert "Refused: not everything could be measured" in page.text


def test_same_arguments_give_the_same_page() -> None:
    assert everything() == everything()


def test_report_is_written_beside_the_nights_before_it(tmp_path: Path) -> None:
    plan, charts = drawn()
    workspace = Workspace(tmp_path, "shop", "2026-01-31").prepare()

    path = write_report(workspace, plan, [check()], charts, Facts())

    assert path == workspace.report
    assert path.stat().st_mode & 0o777 == 0o644
    assert "No night before this one has left its figures here" in path.read_text(encoding="utf-8")


def test_left_out_tables_are_named() -> None:
    plan, charts = drawn()
    skipped = TablePlan(name="audit_log", mode="skip", columns=(), table=plan.tables[0].table)

    text = Page(render(plan.model_copy(update={"tables": (*plan.tables, skipped)}), [check()], charts)).text

    assert "Left out, as the plan says: audit_log." in text


def test_forty_tables_of_thirty_columns_stay_small() -> None:
    columns = {f"column_{i}": real(i, rare=False)["amount"] for i in range(14)}
    columns |= {f"label_{i}": real(i, rare=False)["plan"] for i in range(7)}
    columns |= {f"moment_{i}": real(i, rare=False)["at"] for i in range(7)}
    wide = pa.table({"id": range(2000), "plan": real(rare=False)["plan"], **columns})
    tables = [table_plan(wide, f"table_{i}") for i in range(40)]
    plan = plan_of(*tables)
    charts = collect_table(plan, tables[0], wide, wide)
    prose = "The distribution of column_1 must be production's, to within 15% beyond chance; it is 2.1%."
    figures: dict[str, Any] = {"observed": 0.021, "floor": 0.0187, "limit": 0.169, "group": "columns", "prose": prose}
    checks = [
        check(table=t.name, name=f"expect_column_shape_to_follow({c})", column=c, **figures)
        for t in tables
        for c in wide.column_names * 3
    ]

    page = render(plan, checks, [charts.model_copy(update={"name": t.name}) for t in tables])

    assert len(wide.column_names) == 30
    assert len(page.encode()) < 3_000_000


def test_browser_draws_the_report_and_has_nothing_to_complain_of(tmp_path: Path) -> None:
    page, shown = tmp_path / "report.html", tmp_path / "shown.png"
    page.write_text(everything(NAMES), encoding="utf-8")

    done = browse(page, f"--screenshot={shown}", "--window-size=1280,900")

    assert console(done) == []
    assert shown.stat().st_size > 20_000


def test_console_would_tell_of_a_page_that_loads_something(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(everything().replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>'), encoding="utf-8")

    assert console(browse(page, "--dump-dom"))


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_width_makes_the_page_scroll_sideways(tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(everything("a_table_with_quite_a_long_name_of_one_word_and_more"), encoding="utf-8")

    shown, content = widths(page, width)

    assert width - 30 <= shown <= width, "but for a scroll bar"
    assert content == shown


def test_page_prints(tmp_path: Path) -> None:
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(everything(), encoding="utf-8")

    done = browse(page, f"--print-to-pdf={paper}")

    assert console(done) == []
    assert paper.read_bytes().startswith(b"%PDF")
