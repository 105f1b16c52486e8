"""The last nights as small line charts, and in words for who does not see them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from synth_ops.report.drawing import Axis, Line
from synth_ops.report.facts import NightFigures
from synth_ops.report.words import count, counted, duration, figure, score

EVEN = 0.5
"""What a classifier, or an attack, scores that tells nothing apart."""
_LEAST_ERROR = 0.02
_ROOM = 1.1


@dataclass(frozen=True)
class Trend:
    """One figure over the nights."""

    title: str
    values: Line
    axis: Axis
    say: Callable[[float], str]
    reference: Line = ()
    beside: str = ""
    """What the dashed line is; empty where there is none."""

    @property
    def latest(self) -> str:
        """Tonight's figure in words, or the last that is known."""
        last = self.say(next(v for v in reversed(self.values) if v is not None))
        return last if self.values[-1] is not None else f"last {last}"

    @property
    def words(self) -> str:
        """The chart in words."""
        known = [v for v in self.values if v is not None]
        span = f"from {self.say(min(known))} to {self.say(max(known))}, now {self.latest}"
        return f"{self.title} over {counted(len(known), 'night', 'nights')}: {span}"


def trends(nights: Sequence[NightFigures]) -> tuple[Trend, ...]:
    """Give the charts of those figures that any night has."""
    return tuple(t for t in _every(nights) if any(v is not None for v in t.values))


def _every(nights: Sequence[NightFigures]) -> Iterator[Trend]:
    errors, floors = [n.pair_error for n in nights], [n.pair_floor for n in nights]
    yield Trend("Pair error", errors, _from_zero([*errors, *floors], _LEAST_ERROR), score, floors, "floor")
    even = [EVEN] * len(nights)
    for name, values in (
        ("Classifier AUC", [n.classifier_auc for n in nights]),
        ("Membership AUC", [n.membership_auc for n in nights]),
    ):
        yield Trend(name, values, _around_even(values), figure, even, "chance")
    rows: Line = [n.n_rows for n in nights]
    yield Trend("Synthetic rows", rows, _from_zero(rows, 1.0), lambda value: count(int(value)))
    seconds: Line = [n.seconds for n in nights]
    yield Trend("Time to sample, check and publish", seconds, _from_zero(seconds, 1.0), duration)


def _from_zero(values: Line, least: float) -> Axis:
    return Axis(0.0, max((_ROOM * v for v in values if v is not None), default=least) or least)


def _around_even(values: Line) -> Axis:
    """Give an axis with one half in sight, and room on both sides of it."""
    known = [v for v in values if v is not None]
    return Axis(min([*known, EVEN]) - 0.05, max([*known, EVEN]) + 0.05)
