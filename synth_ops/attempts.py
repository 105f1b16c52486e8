"""How many copies of one night the gate was shown: each verdict on real rows tells something of them."""

from datetime import UTC, datetime
from pathlib import Path

from synth_ops.errors import GateRefused
from synth_ops.records import Record, Verdict
from synth_ops.workspace import Workspace, read_record, write_record

MOST = 3


class Attempt(Record):
    """One copy that was measured."""

    copy_hash: str
    """sha256 over the copy's files."""
    verdict: Verdict
    at: str
    """An ISO instant, UTC."""


class Attempts(Record):
    """Every copy of one night that was measured, in order. Private."""

    attempts: tuple[Attempt, ...] = ()


def check_attempts(workspace: Workspace, copy_hash: str) -> None:
    """See that the night may have one more copy measured. The same copy again, under other bounds, is no new one.

    Raises:
        GateRefused: as many others were measured tonight, and refused.
    """
    refused = {a.copy_hash for a in _logged(workspace).attempts if a.verdict != "PASS"} - {copy_hash}
    if len(refused) >= MOST:
        raise GateRefused(
            f"At most {MOST} copies a night may be measured, for each verdict tells something of the real rows,"
            f" however {len(refused)} of {workspace.night} were refused. Look at the report, and mend the plan or the"
            f" suites; the next night starts afresh. The attempts are logged in {_path(workspace)}."
        )


def log_attempt(workspace: Workspace, copy_hash: str, verdict: Verdict) -> int:
    """Write down what came of a copy, and give how many were measured tonight."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    logged = (*_logged(workspace).attempts, Attempt(copy_hash=copy_hash, verdict=verdict, at=now))
    write_record(_path(workspace), Attempts(attempts=logged))
    return len({a.copy_hash for a in logged})


def _logged(workspace: Workspace) -> Attempts:
    return read_record(_path(workspace), Attempts) or Attempts()


def _path(workspace: Workspace) -> Path:
    return workspace.private_night / "attempts.json"
