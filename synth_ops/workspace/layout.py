"""Where a dataset's files lie, and which side of the privacy boundary each is on.

::

    <root>/<dataset>/
      lock                                       held while a refresh runs
      private/                                   mode 0700: real rows, encoders, weights, full figures
        salt                                     mode 0600: the key of the hashes that hold rows out
        nights/<night>/plan.json                 the plan, resolved against tonight's schema
        nights/<night>/real/<table>.parquet      what extract read
        nights/<night>/extracted.json            the record that completes the step; likewise below
        nights/<night>/trained/<table>.json      what training did to one table
        nights/<night>/trained.json
        nights/<night>/measures.json             full figures of every measure
        nights/<night>/work/                     worker specs, results, checkpoints: deleted after publishing
        nights/<night>/steps/                    the same of steps that an orchestrator started
        models/<table>/<model id>/               codec.json, model.json, model.safetensors
      shared/                                    synthetic rows, and statistics above the disclosure threshold
        nights/<night>/synthetic/<table>.parquet
        nights/<night>/sampled.json
        nights/<night>/validated.json
        nights/<night>/report.html
        nights/<night>/published.json

A step's record is written last and atomically, so a step is complete if and only if its record is there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from synth_ops.errors import PlanError
from synth_ops.names import file_stem
from synth_ops.records import Step

RECORDS = {
    "extract": ("private", "extracted.json"),
    "train": ("private", "trained.json"),
    "sample": ("shared", "sampled.json"),
    "validate": ("shared", "validated.json"),
    "publish": ("shared", "published.json"),
}


@dataclass(frozen=True)
class Workspace:
    """The paths of one dataset on one night. Nothing is created until `prepare` is called."""

    root: Path
    """The folder that holds every dataset's workspace."""
    dataset: str
    night: str
    """An ISO date, the partition."""

    def __post_init__(self) -> None:
        check_night(self.night)

    @property
    def home(self) -> Path:
        return self.root / file_stem(self.dataset)

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def private(self) -> Path:
        return self.home / "private"

    @property
    def salt(self) -> Path:
        return self.private / "salt"

    @property
    def private_night(self) -> Path:
        return self.private / "nights" / self.night

    @property
    def shared_night(self) -> Path:
        return self.home / "shared" / "nights" / self.night

    @property
    def plan(self) -> Path:
        return self.private_night / "plan.json"

    @property
    def work(self) -> Path:
        return self.private_night / "work"

    @property
    def steps(self) -> Path:
        return self.private_night / "steps"

    @property
    def measures(self) -> Path:
        return self.private_night / "measures.json"

    @property
    def report(self) -> Path:
        return self.shared_night / "report.html"

    def real(self, table: str) -> Path:
        """Give the private Parquet file of a table's real rows."""
        return self.private_night / "real" / f"{file_stem(table)}.parquet"

    def synthetic(self, table: str) -> Path:
        """Give the shared Parquet file of a table's synthetic rows."""
        return self.shared_night / "synthetic" / f"{file_stem(table)}.parquet"

    def trained(self, table: str) -> Path:
        """Give the file that says what training did to the table tonight."""
        return self.private_night / "trained" / f"{file_stem(table)}.json"

    def models(self, table: str) -> Path:
        """Give the folder that holds one folder a model of the table."""
        return self.private / "models" / file_stem(table)

    def record(self, step: Step) -> Path:
        """Give the file whose presence says that the step is complete."""
        side, name = RECORDS[step]
        return (self.private_night if side == "private" else self.shared_night) / name

    def other_nights(self) -> Iterator["Workspace"]:
        """Give the other nights that were begun, newest first."""
        folder = self.private / "nights"
        names = sorted((p.name for p in folder.iterdir()), reverse=True) if folder.is_dir() else []
        for name in names:
            if name != self.night and _NIGHT.fullmatch(name):
                yield Workspace(self.root, self.dataset, name)

    def earlier_nights(self) -> Iterator["Workspace"]:
        """Give the nights before this one that were begun, newest first."""
        return (other for other in self.other_nights() if other.night < self.night)

    def prepare(self) -> "Workspace":
        """Create the night's folders, the private ones closed to others, and give the workspace back."""
        self.private.mkdir(parents=True, exist_ok=True)
        self.private.chmod(0o700)
        for folder in (self.private_night / "real", self.work, self.steps, self.shared_night / "synthetic"):
            folder.mkdir(parents=True, exist_ok=True)
        return self


_NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_night(night: str) -> date:
    """Give the date that an ISO night names.

    Raises:
        PlanError: it is not a date of the form YYYY-MM-DD.
    """
    try:
        if _NIGHT.fullmatch(night):
            return date.fromisoformat(night)
    except ValueError:
        pass
    raise PlanError(f"A night must be a date of the form YYYY-MM-DD, however: {night!r}. Try --night 2026-01-31.")
