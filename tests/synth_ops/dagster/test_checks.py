from typing import Any

import pytest

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from synth_ops.dagster.checks import GATE, MAX_CHECKS, check_names, check_results, check_specs, granularity_of  # noqa: E402
from synth_ops.dagster.project import KnownTable  # noqa: E402
from synth_ops.records import Check, Validated  # noqa: E402
from synth_ops.suite_files import Asserted  # noqa: E402

UNIQUE = "expect_column_values_to_be_unique(id)"
SHAPE = "expect_column_shape_to_match_reference(age)"
KEY = dg.AssetKey(["shop", "synthetic", "users"])


def table_of(*asserted: Asserted) -> KnownTable:
    return KnownTable("users", "users", is_copied=False, parents=(), description=None, asserted=asserted)


def validated_of(*checks: Check) -> Validated:
    return Validated(
        night="2026-01-30", verdict="FAIL", checks=checks, fidelity={}, report="/r/report.html", seconds=1.0
    )


TABLE = table_of(Asserted(name=UNIQUE, severity="critical"), Asserted(name=SHAPE, severity="warning"))


def test_each_expectation_is_a_check_and_only_critical_ones_block() -> None:
    specs = {s.name: s.blocking for s in check_specs(TABLE, KEY, "expectation")}

    assert specs == {
        GATE: True,
        "expect_column_values_to_be_unique_id": True,
        "expect_column_shape_to_match_reference_age": False,
    }


def test_of_very_many_expectations_each_table_has_one_check() -> None:
    many = table_of(*(Asserted(name=f"e{i}", severity="critical") for i in range(MAX_CHECKS + 1)))

    assert granularity_of([TABLE]) == "expectation"
    assert granularity_of([many]) == "table"
    assert [s.name for s in check_specs(many, KEY, "table")] == [GATE]


def test_names_are_as_dagster_takes_them_and_no_two_are_alike() -> None:
    long = "expect_column_pairs_to_match_reference(" + "x" * 200
    names = check_names([Asserted(name=n, severity="warning") for n in (f"{long}a)", f"{long}b)", "gate", "é(ü)")])

    assert len(names) == 4
    assert all(len(n) <= 100 and n.isascii() and n.isidentifier() for n in names)
    assert GATE not in names


def test_of_an_expectation_that_stands_twice_the_one_that_blocks_counts() -> None:
    names = check_names([Asserted(name=UNIQUE, severity="warning"), Asserted(name=UNIQUE, severity="critical")])

    assert [a.severity for a in names.values()] == ["critical"]


def test_a_failed_check_says_by_how_much_and_fails_the_gate() -> None:
    failed = Check(
        table="users", name=UNIQUE, verdict="FAIL", observed=0.9, floor=1.0, limit=1.0, prose="90% of ids are unique."
    )
    warned = Check(table="users", name=SHAPE, severity="warning", verdict="ABSTAIN", prose="Too few rows.")
    results = results_of(validated_of(failed, warned))

    unique = results["expect_column_values_to_be_unique_id"]
    assert (unique.passed, unique.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert unique.description == "90% of ids are unique."
    assert {k: v.value for k, v in unique.metadata.items()} == {
        "verdict": "FAIL",
        "observed": 0.9,
        "floor": 1.0,
        "limit": 1.0,
    }
    shape = results["expect_column_shape_to_match_reference_age"]
    assert (shape.passed, shape.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert not results[GATE].passed
    assert "90% of ids are unique." in results[GATE].metadata["failing"].value


def test_a_check_that_the_code_location_does_not_know_of_fails_the_gate_all_the_same() -> None:
    new = Check(table="users", name="suite", verdict="ABSTAIN", prose="The suite does not parse.")

    assert not results_of(validated_of(new))[GATE].passed


def test_an_expectation_that_was_not_asserted_does_not_pass() -> None:
    result = results_of(validated_of())["expect_column_values_to_be_unique_id"]

    assert not result.passed
    assert "must be asserted" in (result.description or "")


def results_of(validated: Validated) -> dict[str | None, Any]:
    names = {s.name for s in check_specs(TABLE, KEY, "expectation")}
    return {r.check_name: r for r in check_results(TABLE, KEY, validated, names)}
