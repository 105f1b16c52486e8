"""Checks in the order in which they are read: by what they guard, and the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synth_ops.records import Check, Verdict

GROUPS: Mapping[str, str] = {
    "privacy": "Privacy: whether the copy tells of single rows",
    "structure": "Structure: columns, types, rows, constraints",
    "keys": "Keys: references and children per parent",
    "columns": "Columns, one by one",
    "relations": "Relations between columns",
    "whole rows": "Whole rows",
    "sequences": "Sequences: rows that follow one another",
}
"""Each group in words. What comes first is worse to get wrong; a group that is not here comes last, by its own name."""

ADVICE: Mapping[str, str] = {
    "privacy": "Do not loosen the bound. Raise privacy.rare_below, or give the training more rows or less time, and run"
    " the night again.",
    "structure": "Compare the source's schema and the plan at the end of this page with what the check asks for; then"
    " run the night again.",
    "keys": "Look at the children per parent below. If production changed, train the table and its parent anew.",
    "columns": "Look at the column's drawing below. Another kind in synth.yaml or a longer time_budget may help; a"
    " check of a column that matters to no one can be made a warning in the suite.",
    "relations": "Look at the pairs that stray farthest below. A longer time_budget or the other model may help.",
    "whole rows": "Look for the columns and pairs that stray farthest below: they give the copy away.",
    "sequences": "Look at the order of rows in production. A longer time_budget may help.",
}
"""What a person can do where a check of the group fails."""
UNMEASURED = (
    "A figure that could not be measured blocks as a failure does, for no one knows that it is sound. Where rows are"
    " too few, make the check a warning in the table's suite or take it out; where measuring raised an error,"
    " read the log."
)
UNREAD = "Mend the suite's file, or bring it back from version control, and validate again."
_ORDER: Mapping[Verdict, int] = {"FAIL": 0, "ABSTAIN": 1, "PASS": 2}


@dataclass(frozen=True)
class Group:
    """The checks of one table that guard one thing."""

    name: str
    title: str
    checks: tuple[Check, ...]

    @property
    def n_passed(self) -> int:
        return sum(c.verdict == "PASS" for c in self.checks)

    @property
    def only_warns(self) -> bool:
        """Whether some did not pass, and none of those blocks."""
        return self.is_open and all(c.verdict == "PASS" or c.severity == "warning" for c in self.checks)

    @property
    def is_open(self) -> bool:
        """Whether it is shown unfolded."""
        return self.n_passed < len(self.checks)

    @property
    def verdict(self) -> Verdict:
        """The worst of its verdicts, whatever blocks."""
        return min((c.verdict for c in self.checks), key=_ORDER.__getitem__)

    @property
    def has_bounds(self) -> bool:
        return any(c.low is not None or c.high is not None for c in self.checks)

    @property
    def has_detectable(self) -> bool:
        return any(c.detectable is not None for c in self.checks)


def grouped(checks: Sequence[Check]) -> tuple[Group, ...]:
    """Give the groups that have checks, each with the worst first."""
    names = sorted({c.group for c in checks}, key=lambda name: (_rank(name), name))
    return tuple(Group(name, title_of(name), worst_first([c for c in checks if c.group == name])) for name in names)


def title_of(group: str) -> str:
    """Give a group in words; one that is not known is shown by its name."""
    return GROUPS.get(group, group.capitalize())


def worst_first(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Order by verdict, what blocks, what is guarded, then how far beyond the limit."""
    return tuple(sorted(checks, key=_badness))


def advice(check: Check) -> str:
    """Say what a person can do about a check that did not pass."""
    if check.verdict == "ABSTAIN":
        return UNREAD if check.name.startswith("suite") else UNMEASURED
    return ADVICE.get(check.group, "Look at the table's section below.")


def _badness(check: Check) -> tuple[int, bool, int, float]:
    return (_ORDER[check.verdict], check.severity != "critical", _rank(check.group), -_beyond(check))


def _rank(group: str) -> int:
    return [*GROUPS].index(group) if group in GROUPS else len(GROUPS)


def _beyond(check: Check) -> float:
    """Give how many times its limit the figure is; without either, as far as can be."""
    judged = check.high if check.high is not None else check.observed
    if check.limit is None or judged is None:
        return float("inf") if check.verdict == "FAIL" else 0.0
    return abs(judged) / abs(check.limit) if check.limit else float("inf")
