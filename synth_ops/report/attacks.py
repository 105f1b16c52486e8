"""Attacks on one scale: chance at one mark, the limit at another, the figure and its bounds between or beyond."""

from collections.abc import Sequence
from dataclasses import dataclass

from synth_ops.records import Check
from synth_ops.report.subjects import is_auc
from synth_ops.report.words import figure, title

CHANCE, LIMIT = 0.25, 0.7
"""Where chance and the limit stand, as shares of the track's width."""
_EVEN = 0.5
"""What a coin scores, of figures that are an area under a curve."""


@dataclass(frozen=True)
class Attack:
    """One attack, and where its marks stand on the track, 0 to 1."""

    check: Check
    title: str
    chance: float
    at: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    """None, as for the others, where there is nothing to draw."""

    @property
    def words(self) -> str:
        """The smallest effect that could have been seen, in words; empty where nothing says."""
        least, limit = self.check.detectable, self.check.limit
        if least is None:
            return ""
        seen = f"With so many rows, {figure(least)} would have been told from chance four times of five."
        if limit is not None and least > limit:
            seen += f" That is beyond the limit of {figure(limit)}: a leak this side of it could go unseen."
        return seen

    @property
    def bounds(self) -> str:
        """The bounds in words; empty where there are none."""
        if self.check.low is None and self.check.high is None:
            return ""
        return f"{figure(self.check.low)} to {figure(self.check.high)}"


def attacks(checks: Sequence[Check]) -> tuple[Attack, ...]:
    """Give each attack that has a figure, laid on the track."""
    return tuple(_attack(check) for check in checks if check.observed is not None)


def _attack(check: Check) -> Attack:
    chance = _chance(check)
    bare = Attack(check, title(check.name), chance)
    if check.limit is None or check.limit <= chance:
        return bare
    low = check.observed if check.low is None else check.low
    high = check.observed if check.high is None else check.high
    marks = [_place(value, chance, check.limit) for value in (check.observed, low, high, check.detectable)]
    return Attack(check, bare.title, chance, *marks)


def _chance(check: Check) -> float:
    """Give what an attack scores that learns nothing: that on held-out rows where known, else a coin's, or nothing."""
    if check.floor is not None:
        return check.floor
    return _EVEN if is_auc(check) else 0.0


def _place(value: float | None, chance: float, limit: float) -> float | None:
    """Give the place on the track; what is off it stands at its end."""
    if value is None:
        return None
    return min(max(CHANCE + (LIMIT - CHANCE) * (value - chance) / (limit - chance), 0.0), 1.0)
