"""The command that judges a copy which lies in files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth_ops.cli.options import AsJson, Quiet
from synth_ops.cli.results import print_json, print_line, print_rows, print_verdict
from synth_ops.cli.watch import watching
from synth_ops.errors import GateRefused
from synth_ops.records import Verdict

if TYPE_CHECKING:
    from synth_ops.judge import Judged
    from synth_ops.records import Check

ORDER: Mapping[Verdict, int] = {"FAIL": 0, "ABSTAIN": 1, "PASS": 2}


def judge(
    real: Annotated[
        Path, typer.Argument(metavar="REAL", help="The rows that the copy was made of: a file, or a folder.")
    ],
    synthetic: Annotated[Path, typer.Argument(metavar="SYNTHETIC", help="The copy: a file, or a folder.")],
    *,
    holdout: Annotated[
        Path | None, typer.Option("--holdout", metavar="FILE", help="Real rows that the copy was not made of.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", metavar="OUT.html", help="Write the report there.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="What models trained on the copy will predict.")
    ] = None,
    suites: Annotated[
        Path | None, typer.Option("--suites", metavar="FOLDER", help="Assert these suites, not the default ones.")
    ] = None,
    public: Annotated[
        str | None,
        typer.Option("--public", metavar="WHY", help="Why the rows are public: privacy is not asserted then."),
    ] = None,
    allow_abstain: Annotated[
        bool, typer.Option("--allow-abstain", help="Exit 0 although something could not be measured.")
    ] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Show the checks that hold, too.")] = False,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge any copy by the gate's checks, whoever made it: Parquet or CSV files, or folders of them.

    Every figure stands beside its floor: what real rows score that the copy was not made of. Without --holdout, halves
    of REAL are held against each other, and what a copy tells of its rows cannot be measured.

    [bold]Exit codes[/bold]: 0 PASS · 1 FAIL, or ABSTAIN without --allow-abstain · 2 the usage is wrong

    [bold]Examples[/bold]

      synth-ops judge train.parquet synthetic.parquet --holdout test.parquet --report judged.html
      synth-ops judge shop/ shop_synthetic/ --allow-abstain
    """
    from synth_ops.judge import Question
    from synth_ops.judge import judge as core

    question = Question(
        real=real,
        synthetic=synthetic,
        holdout=holdout,
        report=report,
        target=target,
        public=public,
        suites=suites,
        seed=seed,
    )
    with watching(quiet=quiet) as progress:
        judged = core(question, progress=progress)
    if as_json:
        print_json(judged)
    else:
        _tell(judged, show_all=show_all)
    if judged.verdict == "FAIL" or (judged.verdict == "ABSTAIN" and not allow_abstain):
        raise typer.Exit(GateRefused.exit_code)


def _tell(judged: "Judged", *, show_all: bool) -> None:
    """Print what does not hold, worst first, and the verdict."""
    checks = sorted(judged.checks, key=lambda c: (ORDER[c.verdict], c.severity != "critical"))
    shown = [c for c in checks if show_all or c.verdict != "PASS"]
    if shown:
        print_rows(
            ("verdict", "table", "check", "found", "floor", "limit"),
            [(_verdict(c), c.table, c.name, *_figures(c)) for c in shown],
        )
        for check in (c for c in shown if c.verdict != "PASS"):
            print_line(f"\n{_verdict(check)}: {check.prose}")
        print_line("")
    print_line(_counted(judged.checks))
    print_verdict(judged.verdict)
    if judged.report:
        print_line(f"report    {judged.report}")


def _counted(checks: "Sequence[Check]") -> str:
    """Say how many checks came to what: ``1 FAIL · 2 warnings · 120 PASS``."""
    counts = Counter("warning" if _verdict(c).endswith(")") else c.verdict for c in checks)
    words = {"FAIL": "FAIL", "ABSTAIN": "ABSTAIN", "warning": "warnings", "PASS": "PASS"}
    return " · ".join(f"{counts[kind]} {word}" for kind, word in words.items() if counts[kind])


def _verdict(check: "Check") -> str:
    return check.verdict if check.severity == "critical" or check.verdict == "PASS" else f"{check.verdict} (warning)"


def _figures(check: "Check") -> tuple[str, ...]:
    return tuple("" if f is None else f"{f:.3g}" for f in (check.observed, check.floor, check.limit))
