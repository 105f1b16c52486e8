from pathlib import Path
from typing import Any

from synth_ops.expectations.rules import RULES
from synth_ops.records import Published, Sampled, SampledTable, Validated
from synth_ops.report import NightFigures, collect_table, render, write_report
from synth_ops.report.drawing import Axis, lines
from synth_ops.report.facts import Facts
from synth_ops.report.history import read_history, read_published
from synth_ops.report.trends import trends
from synth_ops.workspace import Workspace, write_record, write_text
from tests.synth_ops.report.toys import check, plan_of, real, table_plan

CLASSIFIER = next(name for name, rule in RULES.items() if rule.measure == "classifier_auc")
FIDELITY = {"users": {"observed": 0.02, "floor": 0.018}, "orders": {"observed": 0.04, "floor": 0.03}}


def leave(root: Path, night: str, *, published: bool = True, **fields: Any) -> Workspace:
    """Leave what a night's steps leave in the shared folder."""
    workspace = Workspace(root, "shop", night).prepare()
    checks = (
        check(name=CLASSIFIER, observed=0.7),
        check(name=CLASSIFIER, observed=0.8, table="orders"),
        check(name="expect_outlier_membership_auc", group="privacy", observed=0.51),
    )
    base = {"night": night, "verdict": "PASS", "checks": checks, "fidelity": FIDELITY, "report": "-", "seconds": 2.0}
    table = SampledTable(name="users", path="-", n_rows=100, sha256="-")
    write_record(workspace.record("sample"), Sampled(night=night, tables=(table,), seconds=1.0))
    write_record(workspace.record("validate"), Validated.model_validate(base | fields))
    if published:
        rows = {"users": 120}
        record = Published(night=night, snapshot=f"{night}-s", path="-", n_rows=rows, n_bytes=1, seconds=4.0)
        write_record(workspace.record("publish"), record)
    return workspace


def tonight(root: Path) -> Workspace:
    return Workspace(root, "shop", "2026-01-31").prepare()


def test_a_night_is_told_in_a_line(tmp_path: Path) -> None:
    leave(tmp_path, "2026-01-30")

    assert read_history(tonight(tmp_path)) == (
        NightFigures(
            night="2026-01-30",
            verdict="PASS",
            published=True,
            n_rows=120,
            seconds=7.0,
            pair_error=0.03,
            pair_floor=0.024,
            classifier_auc=0.8,
            membership_auc=0.51,
        ),
    )


def test_nights_without_a_verdict_between_others_are_gaps(tmp_path: Path) -> None:
    leave(tmp_path, "2026-01-27")
    leave(tmp_path, "2026-01-29", published=False, verdict="FAIL")
    Workspace(tmp_path, "shop", "2026-01-20").prepare()

    found = read_history(tonight(tmp_path))

    assert [(n.night[-2:], n.verdict, n.published) for n in found] == [
        ("27", "PASS", True),
        ("28", None, False),
        ("29", "FAIL", False),
        ("30", None, False),
    ]


def test_thirty_nights_are_shown_and_none_later_than_tonight(tmp_path: Path) -> None:
    for night in ("2026-01-01", "2026-01-02", "2026-01-31", "2026-02-01"):
        leave(tmp_path, night)

    found = read_history(tonight(tmp_path))

    assert (found[0].night, found[-1].night, len(found)) == ("2026-01-02", "2026-01-30", 29)


def test_a_record_that_does_not_parse_is_a_gap(tmp_path: Path) -> None:
    leave(tmp_path, "2026-01-29")
    write_text(leave(tmp_path, "2026-01-30").record("validate"), "{")

    assert [n.verdict for n in read_history(tonight(tmp_path))] == ["PASS", None]


def test_what_is_no_night_is_passed_over(tmp_path: Path) -> None:
    leave(tmp_path, "2026-01-30")
    for name in ("2026-01-99", "notes"):
        (tonight(tmp_path).shared_night.parent / name).mkdir()

    assert [n.night for n in read_history(tonight(tmp_path))] == ["2026-01-30"]


def test_first_night_has_no_history(tmp_path: Path) -> None:
    assert read_history(tonight(tmp_path)) == ()
    assert read_published(tonight(tmp_path)) is None


def test_last_published_night_is_found_past_those_that_were_refused(tmp_path: Path) -> None:
    leave(tmp_path, "2026-01-28")
    leave(tmp_path, "2026-01-30", published=False)

    before = read_published(tonight(tmp_path))

    assert before is not None
    assert (before.night, before.snapshot, before.n_rows) == ("2026-01-28", "2026-01-28-s", {"users": 120})


def test_report_shows_the_nights_before_and_tonight(tmp_path: Path) -> None:
    leave(tmp_path, "2026-01-28")
    plan = plan_of(table_plan(real()))

    path = write_report(tonight(tmp_path), plan, [check("FAIL")], [], Facts(fidelity=FIDELITY))

    text = path.read_text(encoding="utf-8")
    assert "The last 4 nights" in text
    assert "2 nights left no verdict: 2026-01-29, 2026-01-30." in text
    assert "Since 2026-01-28, the last night that was published" in text


def test_lines_break_at_gaps() -> None:
    def night(error: float | None) -> NightFigures:
        return NightFigures(night="2026-01-01", verdict="PASS", pair_error=error, pair_floor=error)

    plan = plan_of(table_plan(real()))
    charts = [collect_table(plan, plan.tables[0], real(), real(1))]
    page = render(plan, [check()], charts, Facts(night="2026-01-31", history=tuple(map(night, (0.1, 0.2, None, 0.3)))))

    shown = page.partition('class="shown" d="')[2].partition('"')[0]
    assert (shown.count("M"), shown.count("L")) == (2, 1)


def test_a_night_between_gaps_is_marked_by_a_dot() -> None:
    axis = Axis(0.0, 1.0)

    alone = lines((0.5, None, 0.5, 0.6), (0.2, None, 0.3, 0.3), axis=axis)
    whole = lines((0.5, 0.5, 0.5, 0.6), (0.2, 0.2, 0.3, 0.3), axis=axis)

    assert alone.partition('class="marks" d="')[2].partition('"')[0].count("h0") == 1
    assert whole.partition('class="marks" d="')[2].partition('"')[0] == ""


def test_a_figure_that_tonight_lacks_is_said_to_be_the_last() -> None:
    nights = [NightFigures(night="2026-01-01", seconds=5.0), NightFigures(night="2026-01-02")]

    assert [t.latest for t in trends(nights)] == ["last 5.0 s"]


def test_a_figure_that_no_night_has_is_not_drawn() -> None:
    found = trends([NightFigures(night="2026-01-01", verdict="PASS", n_rows=5)])

    assert [t.title for t in found] == ["Synthetic rows"]
    assert found[0].words == "Synthetic rows over 1 night: from 5 to 5, now 5"
