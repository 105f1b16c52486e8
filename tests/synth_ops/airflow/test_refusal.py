from synth_ops.airflow.refusal import MOST_LINES, refusal_lines
from synth_ops.records import Check, Validated


def check(name: str, verdict: str = "FAIL", severity: str = "critical") -> Check:
    fields = {"table": "users", "name": name, "verdict": verdict, "severity": severity, "observed": 0.25, "limit": 0.1}
    return Check.model_validate({**fields, "prose": f"{name} is too large."})


def validated(*checks: Check) -> Validated:
    return Validated(night="2026-01-30", verdict="FAIL", checks=checks, fidelity={}, report="/r/report.html", seconds=1)


def test_failing_expectations_stand_in_columns_with_their_sentences() -> None:
    checks = (check("a"), check("much_longer"), check("fine", "PASS"), check("w", severity="warning"))
    lines = list(refusal_lines(validated(*checks)))

    assert lines[0] == "The gate refused the copy of the night 2026-01-30. Critical expectations that did not pass: 2"
    assert lines[1:4] == [
        "verdict  table  expectation  found  floor  limit",
        "FAIL     users  a            0.25          0.1",
        "FAIL     users  much_longer  0.25          0.1",
    ]
    assert lines[4:] == ["users: a is too large.", "users: much_longer is too large.", lines[-1]]
    assert lines[-1] == "The report shows why: /r/report.html"


def test_copy_that_is_wrong_throughout_shows_what_to_look_at_first() -> None:
    lines = list(refusal_lines(validated(*(check(f"e{i}") for i in range(50)))))

    assert len(lines) == 2 + MOST_LINES + 1 + MOST_LINES + 1
    assert "30 more" in lines[2 + MOST_LINES]
