"""A suite generated anew follows the table, and what a person made of it stays."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from synth_ops.expectations.merge import GENERATED, merge, name_of
from synth_ops.schema import Column, ForeignKey, Table

Suite = dict[str, Any]
Change = Callable[[Suite], None]


def table(*names: str, keys: tuple[ForeignKey, ...] = ()) -> Table:
    columns = tuple(Column(name=n, source_type="INTEGER", arrow_type="int32") for n in names)
    return Table(name="t", columns=columns, foreign_keys=keys)


def generated(*names: str, bound: float = 0.15) -> Suite:
    """Give a default suite: one expectation of the table, one a column, and one twice with two severities."""
    entries = [entry("expect_rows", min_ratio=0.8)]
    entries += [entry("expect_shape", column=n, max_excess=bound) for n in names]
    entries += [entry("expect_unsure", max_auc=0.9), entry("expect_unsure", "warning", max_auc=0.75)]
    meta = {"table": "t", "written_by": "synth-ops 0"}
    return {"name": "shop.t", "notes": f"{len(names)} columns.", "meta": meta, "expectations": entries}


def entry(kind: str, severity: str = "critical", **kwargs: object) -> Suite:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "notes": "Why."}


def edited(suite: Suite, change: Change) -> Suite:
    """Give the suite as it is read back from its file after a person changed it."""
    mine: Suite = json.loads(json.dumps(suite))
    change(mine)
    return mine


def first(*names: str) -> Suite:
    return copy.deepcopy(dict(merge(None, generated(*names), table(*names)).suite))


def again(written: Suite, *names: str, bound: float = 0.15) -> Suite:
    return dict(merge(written, generated(*names, bound=bound), table(*names)).suite)


def bound_of(suite: Suite, column: str) -> object:
    return next(e["kwargs"]["max_excess"] for e in suite["expectations"] if e["kwargs"].get("column") == column)


def raise_bound(suite: Suite) -> None:
    suite["expectations"][1]["kwargs"]["max_excess"] = 0.4


def soften(suite: Suite) -> None:
    suite["expectations"][1]["severity"] = "warning"


def explain(suite: Suite) -> None:
    suite["expectations"][1]["notes"] = "Ann wants it so."


def describe(suite: Suite) -> None:
    suite["expectations"][1]["description"] = "Ages."


def delete(suite: Suite) -> None:
    del suite["expectations"][1]


def delete_one_of_two(suite: Suite) -> None:
    del suite["expectations"][-2]


def soften_one_of_two(suite: Suite) -> None:
    suite["expectations"][-2]["severity"] = "warning"


def add(suite: Suite) -> None:
    suite["expectations"].insert(0, entry("expect_mine", column="age", mostly=0.9))


EDITS = [raise_bound, soften, explain, describe, delete, delete_one_of_two, soften_one_of_two, add]


@pytest.mark.parametrize("change", EDITS)
def test_what_a_person_did_stays_over_many_generations(change: Change) -> None:
    mine = edited(first("age", "size"), change)
    theirs = [e for e in mine["expectations"] if e not in first("age", "size")["expectations"]]

    suite = mine
    for bound in (0.15, 0.2, 0.25):
        suite = edited(again(suite, "age", "size", bound=bound), lambda _: None)
        assert [e for e in suite["expectations"] if e in theirs] == theirs
        assert len(suite["expectations"]) == len(mine["expectations"])
    assert bound_of(suite, "size") == 0.25


def test_unedited_suite_is_left_as_it_is() -> None:
    mine = first("age", "size")

    assert again(mine, "age", "size") == mine


def test_unedited_expectation_follows_its_default() -> None:
    assert bound_of(again(first("age"), "age", bound=0.3), "age") == 0.3


def test_edit_taken_back_follows_again() -> None:
    mine = again(edited(first("age"), raise_bound), "age", bound=0.2)
    mine["expectations"][1]["kwargs"]["max_excess"] = 0.2

    assert bound_of(again(mine, "age", bound=0.3), "age") == 0.3


def test_number_that_an_editor_writes_otherwise_is_no_edit() -> None:
    mine = merge(None, generated("age", bound=1.0), table("age")).suite
    reformatted = json.loads(json.dumps(mine).replace("1.0", "1"))

    assert bound_of(again(reformatted, "age", bound=0.3), "age") == 0.3


def test_new_column_gets_its_expectation_beside_edits() -> None:
    suite = again(edited(first("age"), raise_bound), "age", "size")

    assert bound_of(suite, "age") == 0.4
    assert bound_of(suite, "size") == 0.15


def test_expectations_of_a_vanished_column_go() -> None:
    suite = again(first("age", "size"), "size")

    assert [name_of(e) for e in suite["expectations"]] == ["expect_rows", "expect_shape(size)"] + ["expect_unsure"] * 2


def test_edited_expectation_of_a_vanished_column_is_kept_and_named() -> None:
    merged = merge(edited(first("age", "size"), raise_bound), generated("size"), table("size"))

    assert bound_of(dict(merged.suite), "age") == 0.4
    assert merged.orphans == ("expect_shape(age)",)


def test_edited_expectation_of_a_vanished_key_is_named() -> None:
    mine = edited(first("age"), lambda s: s["expectations"].append(entry("expect_fan_out", foreign_key="age->users")))
    key = ForeignKey(columns=("age",), ref_table="users", ref_columns=("id",))

    assert merge(mine, generated("age"), table("age")).orphans == ("expect_fan_out(age->users)",)
    assert merge(mine, generated("age"), table("age", keys=(key,))).orphans == ()


def test_deleted_expectation_stays_deleted_when_its_column_comes_back() -> None:
    mine = edited(first("age", "size"), delete)

    suite = again(again(mine, "size"), "age", "size")
    assert [name_of(e) for e in suite["expectations"]][:2] == ["expect_rows", "expect_shape(size)"]


def test_expectation_that_a_person_wrote_first_is_not_doubled() -> None:
    written_first = edited(first("age"), lambda s: s["expectations"].append(entry("expect_shape", column="size")))
    suite = again(written_first, "age", "size")

    assert [name_of(e) for e in suite["expectations"]].count("expect_shape(size)") == 1


def test_file_without_a_record_keeps_what_is_there_and_gets_what_it_lacks() -> None:
    mine = edited(generated("age", "old", bound=0.4), lambda _: None)
    merged = merge(mine, generated("age", "size"), table("age", "size"))

    assert bound_of(dict(merged.suite), "age") == 0.4
    assert bound_of(dict(merged.suite), "size") == 0.15
    assert merged.orphans == ("expect_shape(old)",)
    assert len(merged.suite["meta"][GENERATED]) == len(generated("age", "size")["expectations"]) + 1


def test_notes_of_the_suite_follow_unless_edited() -> None:
    mine = edited(first("age"), lambda s: s.update(notes="Ask Ann."))

    assert again(first("age"), "age", "size")["notes"] == "2 columns."
    assert again(mine, "age", "size")["notes"] == "Ask Ann."


def test_what_else_a_person_put_into_the_file_stays() -> None:
    mine = edited(first("age"), lambda s: s.update(id="x", meta=s["meta"] | {"owner": "Ann"}))
    suite = again(mine, "age", "size")

    assert (suite["id"], suite["meta"]["owner"]) == ("x", "Ann")


def test_record_holds_names_and_hashes_only() -> None:
    suite = merge(None, {**generated(), "expectations": [entry("expect_in_set", column="age", value_set=["secret"])]},
                  table("age")).suite  # fmt: skip

    assert list(suite["meta"][GENERATED]) == ["notes", "expect_in_set(age)"]
    assert "secret" not in json.dumps(suite["meta"])
