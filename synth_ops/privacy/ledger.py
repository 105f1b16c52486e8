"""What a table's rows have been spent on, over all nights: an append-only file, each line sealed by the one after it.

There is one ledger a dataset and privacy unit: ``private/ledger/<table>.jsonl``, and ``<table>.head.json`` that seals
its last line. A training is *reserved* before its worker starts, and *charged* by the worker before it reads the first
row: what it then shows, or that it failed, may depend on rows. Only a reservation that no worker has charged may become
*void*. A run that is taken up again finds its own charge, and is not charged twice.

Whoever writes holds the dataset's lock, or is a worker of who does.
"""

import hashlib
import os
from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from synth_ops.errors import CorruptArtifact, LedgerBroken, PlanError
from synth_ops.names import file_stem
from synth_ops.privacy.accountant import Mechanism, epsilon_of
from synth_ops.records import Record
from synth_ops.workspace import Workspace, read_record, write_record
from synth_ops.workspace.files import sync_folder

State = Literal["reserved", "charged", "void"]
_BEGINNING = "0" * 64
"""What the first line is sealed to."""
_ALTERED = "is not as it was written"


class Unit(Record):
    """Whose presence is hidden: one row of a table, or all rows of one value of a column."""

    table: str
    column: str | None = None
    """The column that names the entity; None where the unit is the row, so that k rows of one entity cost up to k ε."""


class Line(Record):
    """One line of a ledger."""

    number: int
    """From 1."""
    run: str
    """The night."""
    key: str
    """Which model is to be made: a hash over plan, rows and noise; with `run`, it names the charge."""
    unit: Unit
    state: State
    mechanisms: tuple[Mechanism, ...]
    epsilon: float
    """Of this training alone."""
    delta: float
    at: str
    """An ISO time, UTC."""
    previous: str
    """sha256 of the line before, in hex."""


class Head(Record):
    """Seals a ledger's last line, so that no line can be cut off unseen."""

    n_lines: int
    sha256: str


class Charge(Record):
    """What one training is to spend."""

    run: str
    key: str
    mechanisms: tuple[Mechanism, ...]
    delta: float

    @property
    def name(self) -> tuple[str, str]:
        """What makes it the same charge."""
        return self.run, self.key


class Ledger:
    """The ledger of one privacy unit of a dataset."""

    def __init__(self, workspace: Workspace, unit: Unit) -> None:
        """Name the files; none is read or made."""
        stem = file_stem(unit.table) + ("" if unit.column is None else f".{file_stem(unit.column)}")
        folder = workspace.private / "ledger"
        self.unit = unit
        self.path, self.head_path = folder / f"{stem}.jsonl", folder / f"{stem}.head.json"

    def lines(self) -> tuple[Line, ...]:
        """Give all lines, checked.

        Raises:
            LedgerBroken: a line is missing, or not as it was written.
        """
        head = self._head()
        previous, found = _BEGINNING, []
        for number, text in enumerate(self._texts(head), start=1):
            line = self._parsed(text, number)
            if line.previous != previous:
                raise self._broken(max(1, number - 1), _ALTERED)
            previous = _sha256(text)
            if number == head.n_lines and previous != head.sha256:
                raise self._broken(number, _ALTERED)
            found.append(line)
        return tuple(found)

    def epsilon(self, delta: float, *, besides: Charge | None = None, without: Charge | None = None) -> float:
        """Give what is spent in all at that δ; with one training more unless it is there, or without one that is.

        Raises:
            LedgerBroken: as `lines`.
        """
        held = {name: line.mechanisms for name, line in self._held().items()}
        if besides is not None:
            held.setdefault(besides.name, besides.mechanisms)
        if without is not None:
            held.pop(without.name, None)
        return epsilon_of([m for mechanisms in held.values() for m in mechanisms], delta)

    def reserve(self, charge: Charge) -> None:
        """Announce a training; one that is announced or charged already stays so.

        What was announced and never charged is void: its worker is gone, and had read no row.

        Raises:
            LedgerBroken: as `lines`.
        """
        self._void_others(charge)
        if charge.name not in self._held():
            self._append(charge, "reserved")

    def charge(self, charge: Charge) -> None:
        """Spend what was reserved: from here on, rows may be read.

        Raises:
            LedgerBroken: as `lines`.
            PlanError: it was not reserved.
        """
        held = self._held().get(charge.name)
        if held is None:
            raise PlanError(
                f"A training of table {self.unit.table!r} must be reserved in its ε ledger, however {self.path} has no"
                " such reservation. Run `synth-ops train` or `synth-ops refresh`, and no worker alone."
            )
        if held.state == "reserved":
            self._append(charge, "charged")

    def void(self, charge: Charge) -> None:
        """Take back a reservation that no worker has charged; one that is charged stays.

        Raises:
            LedgerBroken: as `lines`.
        """
        held = self._held().get(charge.name)
        if held is not None and held.state == "reserved":
            self._append(charge, "void")

    def require(self, name: tuple[str, str]) -> None:
        """Refuse a ledger that lacks the charge of a model that there is.

        Raises:
            LedgerBroken: as `lines`, or the charge is missing.
        """
        if name not in self._held():
            raise self._broken(len(self.lines()) + 1, "is missing, for a model was made that it knows nothing of")

    def _held(self) -> dict[tuple[str, str], Line]:
        """Give the last line of each charge that is not void."""
        last = {(line.run, line.key): line for line in self.lines()}
        return {name: line for name, line in last.items() if line.state != "void"}

    def _void_others(self, charge: Charge) -> None:
        for name, line in self._held().items():
            if line.state == "reserved" and name != charge.name:
                self.void(Charge(run=line.run, key=line.key, mechanisms=line.mechanisms, delta=line.delta))

    def _append(self, charge: Charge, state: State) -> None:
        """Write one more line, and then its seal; between the two, the line counts already."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = self.lines()
        texts = self._texts(Head(n_lines=len(lines), sha256=_BEGINNING))
        line = Line(
            number=len(texts) + 1,
            run=charge.run,
            key=charge.key,
            unit=self.unit,
            state=state,
            mechanisms=charge.mechanisms,
            epsilon=round(epsilon_of(charge.mechanisms, charge.delta), 6),
            delta=charge.delta,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            previous=_sha256(texts[-1]) if texts else _BEGINNING,
        )
        text = line.model_dump_json().encode()
        self._write(sum(len(t) + 1 for t in texts), text + b"\n")
        write_record(self.head_path, Head(n_lines=line.number, sha256=_sha256(text)))

    def _write(self, at: int, content: bytes) -> None:
        """Put the content behind what is whole, in the place of a line that a crash has cut short."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.ftruncate(handle, at)
            os.pwrite(handle, content, at)
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(self.path.parent)

    def _texts(self, head: Head) -> list[bytes]:
        """Give the whole lines: those that are sealed, and one more that a crash has left without its seal."""
        content = self.path.read_bytes() if self.path.is_file() else b""
        *whole, cut_short = content.split(b"\n")
        if len(whole) < head.n_lines:
            raise self._broken(len(whole) + 1, "is cut short" if cut_short else "is missing")
        if len(whole) > head.n_lines + 1:
            raise self._broken(head.n_lines + 1, f"and those after it have no seal in {self.head_path.name}")
        return whole

    def _parsed(self, text: bytes, number: int) -> Line:
        try:
            line = Line.model_validate_json(text)
        except ValidationError:
            raise self._broken(number, _ALTERED) from None
        if (line.number, line.unit) != (number, self.unit):
            raise self._broken(number, _ALTERED)
        return line

    def _head(self) -> Head:
        try:
            return read_record(self.head_path, Head) or Head(n_lines=0, sha256=_BEGINNING)
        except CorruptArtifact:
            raise self._broken(
                1, f"and those after it have no seal, for {self.head_path.name} cannot be read"
            ) from None

    def _broken(self, number: int, what: str) -> LedgerBroken:
        return LedgerBroken(
            f"The ε ledger of table {self.unit.table!r} must be as it was written, however line {number} of {self.path}"
            f" {what}. Put {self.path.name} and {self.head_path.name} back from a backup. Without one, nobody knows any"
            " more what these rows have been spent on: to begin anew is to add an unknown ε, and asks for another"
            " dataset name in synth.yaml."
        )


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
