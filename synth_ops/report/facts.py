"""What may be known of a night beyond its checks and its charts. What is not known is not shown."""

from collections.abc import Mapping

from synth_ops.plan.plan import Plan
from synth_ops.records import Check, Extracted, Record, Sampled, Trained, Verdict

Fidelity = Mapping[str, Mapping[str, float]]
"""Per table: ``observed``, ``floor`` and ``independent`` of the headline figure."""


class NightFigures(Record):
    """One night in a line: what the shared records of it say."""

    night: str
    verdict: Verdict | None = None
    """None where the night left no verdict that can be read."""
    published: bool = False
    n_rows: int | None = None
    """Synthetic rows of all tables."""
    seconds: float | None = None
    """Wall seconds of those steps whose records are shared: sampling, the gate and publishing."""
    pair_error: float | None = None
    """Mean over tables of the headline figure."""
    pair_floor: float | None = None
    classifier_auc: float | None = None
    """The largest over tables."""
    membership_auc: float | None = None
    """The largest over tables and attacks."""


class PublishedNight(Record):
    """The last night before this one that was published, to compare with."""

    night: str
    snapshot: str
    n_rows: Mapping[str, int]
    checks: tuple[Check, ...]
    fidelity: Mapping[str, Mapping[str, float]] = {}
    plan: Plan | None = None
    """None where it is not kept."""


class Facts(Record):
    """What is known of a night."""

    night: str | None = None
    """None where two tables were judged and there is no night."""
    written: str | None = None
    """When, in words."""
    verdict: Verdict | None = None
    """None leaves it to the checks."""
    extracted: Extracted | None = None
    trained: Trained | None = None
    sampled: Sampled | None = None
    fidelity: Mapping[str, Mapping[str, float]] = {}
    snapshot: str | None = None
    history: tuple[NightFigures, ...] = ()
    """One for each night of the last thirty that left something, and for each gap between; the oldest first."""
    before: PublishedNight | None = None

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall seconds of each step whose record is there."""
        steps = {"extract": self.extracted, "train": self.trained, "sample": self.sampled}
        return {name: record.seconds for name, record in steps.items() if record is not None}
