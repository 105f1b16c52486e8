"""The small frozen records that verbs return, JSON all through.

A record holds numbers, strings, booleans, and tuples or mappings of them: nothing that cannot cross a process, an
XCom or a Dagster event. Paths are strings.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Decision = Literal["retrain", "finetune", "reuse", "copy", "skip"]
Verdict = Literal["PASS", "FAIL", "ABSTAIN"]
Severity = Literal["critical", "warning"]
Step = Literal["extract", "train", "sample", "validate", "publish"]
CheckGroup = Literal["structure", "columns", "relations", "whole rows", "keys", "sequences", "privacy"]


class Record(BaseModel):
    """A frozen value that equals its own JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProgressEvent(Record):
    """One line of live progress from a step, for a person or an orchestrator to watch."""

    step: Step
    table: str | None = None
    phase: str = ""
    """What is being done in the step, in a few words: ``encode``, ``epoch 3``, ``writing``."""
    done: float = 0.0
    """Share of the phase that is done, 0 to 1."""
    loss: float | None = None
    """Validation loss in nats per row, where there is one."""
    epoch: int | None = None
    eta_seconds: float | None = None
    rows: int | None = None


Progress = Callable[[ProgressEvent], None]


def no_progress(_event: ProgressEvent) -> None:
    """Watch nothing: the default where no one looks."""


class ExtractedTable(Record):
    """What one consistent read found in one table."""

    name: str
    path: str
    n_rows: int
    fingerprint: str
    """sha256 over the table's schema and the content of its rows."""


class ObservedTable(Record):
    """What a look at a table shows that reads no rows."""

    name: str
    version: str
    """Another one after every change of the rows, and perhaps without one."""
    n_rows: int | None = None
    """About how many rows there are, where that is cheap to know."""
    n_written: int | None = None
    """Rows inserted, updated and deleted since the server began to count, where it does."""


class Observed(Record):
    """What a look at production shows."""

    tables: tuple[ObservedTable, ...]


class Suspect(Record):
    """A column that looks personal, and that would be learned because synth.yaml says nothing of it."""

    table: str
    column: str
    reason: str
    """A share and a kind, never a value: ``94% of its values look like e-mail addresses``."""
    word: str
    """What synth.yaml says of a column that no model may see: ``{fake: email}``."""


class Extracted(Record):
    """What `extract` leaves: private Parquet of every table, and the plan resolved against the schema."""

    night: str
    tables: tuple[ExtractedTable, ...]
    fingerprint: str
    """sha256 over all tables' fingerprints."""
    suspects: tuple[Suspect, ...] = ()
    """Nothing is learned while there is one."""
    seconds: float


class LossPoint(Record):
    """One validation of a training."""

    epoch: float
    n_visits: int
    """Rows that steps have been taken on so far, repeats included."""
    seconds: float
    """Wall seconds of training so far."""
    validation: float
    """Nats per row."""
    training: Mapping[str, float] = {}
    """Mean loss of the steps since the point before, by objective; empty before the first step."""


class Losses(Record):
    """The loss over one training; it lies beside the model, and is no part of its content."""

    points: tuple[LossPoint, ...]


class Drift(Record):
    """How much of tonight's rows is new to the model that there is."""

    novelty: float
    """Share of a column's values that the model has no code for, beyond those it pooled; of the column with most."""
    column: str | None = None
    """The column with most, where there is any."""
    nats: float
    """Nats per learned column by which tonight's rows surprise the model more or less than those it was made of."""


class Spent(Record):
    """What a table's models have cost its rows, by differential privacy; it is said of models, and of rows from them.

    It is not said of what is read of real rows beside them: whether rows changed, and the gate's figures and report.
    """

    epsilon: float
    """Tonight; 0 where the model is kept."""
    total: float
    """All nights together, at `delta`; what was reserved and may have been read is in it."""
    delta: float
    most: float | None = None
    """`privacy.epsilon_max`."""
    unit: str = "row"
    """Whose presence is hidden. Of the row: who has k rows is hidden by k times as much only."""


class TrainedTable(Record):
    """The model of one table, as `train` leaves it."""

    name: str
    decision: Decision
    reason: str
    model_id: str | None = None
    """sha256 (first 16 hex digits) of weights and codec; the name of the model's folder."""
    parent_id: str | None = None
    """The model that this one was warm-started from."""
    n_rows: int = 0
    n_epochs: int = 0
    loss: float | None = None
    """Best validation loss, nats per row."""
    seconds: float = 0.0
    stopped_by: str = ""
    """``converged``, ``epochs``, or ``time budget`` (only then does the result depend on the machine's speed)."""
    n_tries: int = 1
    """Starts from the best weights; more than one where the loss diverged."""
    losses: tuple[LossPoint, ...] = ()
    """The loss over the training, at most 200 points."""
    drift: Drift | None = None
    """What was found new in rows that changed, where nothing else did."""
    spent: Spent | None = None
    """Under a privacy budget."""


class Trained(Record):
    """What `train` leaves: one model per synthesised table, reused or new."""

    night: str
    tables: tuple[TrainedTable, ...]
    salt: str = ""
    """The name of the salt that rows were held out by, which is not the salt."""
    seconds: float


class SampledTable(Record):
    """One synthetic table, as `sample` leaves it."""

    name: str
    path: str
    n_rows: int
    sha256: str


class Sampled(Record):
    """What `sample` leaves: a whole synthetic database whose keys resolve."""

    night: str
    tables: tuple[SampledTable, ...]
    inputs: str = ""
    """Sixteen hex digits over the plan, the data and the models that it was sampled from."""
    seconds: float


class Check(Record):
    """One expectation of the gate, measured."""

    table: str
    name: str
    """The expectation's type and subject, as in the suite: stable from night to night."""
    group: CheckGroup = "structure"
    """What kind of promise it guards."""
    column: str | None = None
    severity: Severity = "critical"
    verdict: Verdict
    observed: float | None = None
    floor: float | None = None
    """The same figure for held-out real rows put in the copy's place."""
    low: float | None = None
    """Lower bound of what the figure may really be, one-sided 95 %."""
    high: float | None = None
    """Upper bound of what the figure may really be, one-sided 95 %."""
    detectable: float | None = None
    """The smallest figure that would have been told from chance, four times of five, with so many rows."""
    limit: float | None = None
    prose: str
    """One sentence for the data's owner: what was expected, and what was found."""

    @property
    def line(self) -> str:
        """What it says in one line of a log or an error."""
        return f"{self.verdict} {self.table}: {self.name}: {self.prose}"


def blocking(checks: Sequence[Check]) -> list[Check]:
    """Give the checks that keep a copy from being published."""
    return [c for c in checks if c.severity == "critical" and c.verdict != "PASS"]


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """Give the worst verdict among the checks that block; a gate that asserts nothing stays shut."""
    verdicts = {c.verdict for c in blocking(checks)}
    if "FAIL" in verdicts:
        return "FAIL"
    return "ABSTAIN" if "ABSTAIN" in verdicts or not checks else "PASS"


class Validated(Record):
    """What `validate` leaves: the verdict, and every check's figures."""

    night: str
    verdict: Verdict
    checks: tuple[Check, ...]
    fidelity: Mapping[str, Mapping[str, float]]
    """Per table: ``observed`` and ``floor`` of the table's headline figure (mean pair error), where measured."""
    report: str
    """Path of the self-contained HTML report."""
    attempt: int = 1
    """Which of the night's copies this is."""
    seconds: float


class Published(Record):
    """What `publish` leaves: one immutable snapshot that the pointer names."""

    night: str
    snapshot: str
    path: str
    n_rows: Mapping[str, int]
    n_bytes: int
    seconds: float


class RefreshedTable(Record):
    """One row of the summary that ends a refresh."""

    name: str
    n_rows: int
    decision: Decision
    reason: str
    fidelity: float | None = None
    floor: float | None = None
    seconds: float


class Refreshed(Record):
    """What a whole refresh comes to."""

    dataset: str
    night: str
    outcome: Literal["published", "nothing to do"]
    verdict: Verdict
    snapshot: str
    path: str
    report: str
    tables: tuple[RefreshedTable, ...]
    seconds: Mapping[str, float]
    """Wall seconds of each step."""
