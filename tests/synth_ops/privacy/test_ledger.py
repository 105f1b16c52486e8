import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synth_ops.errors import LedgerBroken, PlanError
from synth_ops.privacy.accountant import Failure, Gaussian, SampledGaussian, epsilon_of
from synth_ops.privacy.ledger import Charge, Ledger, Unit
from synth_ops.workspace import Workspace

DELTA = 1e-6
MECHANISMS = (Gaussian(noise=20.0, count=9), Failure(delta=1e-10), SampledGaussian(noise=2.0, rate=0.02, steps=500))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Workspace(tmp_path, "shop", "2026-01-01").prepare(), Unit(table="users"))


def charge(run: str, key: str = "k") -> Charge:
    return Charge(run=run, key=key, mechanisms=MECHANISMS, delta=DELTA)


def spend(ledger: Ledger, *runs: str) -> None:
    for run in runs:
        ledger.reserve(charge(run))
        ledger.charge(charge(run))


def states(ledger: Ledger) -> list[str]:
    return [line.state for line in ledger.lines()]


def test_nights_cost_together_what_all_their_mechanisms_do(ledger: Ledger) -> None:
    spend(ledger, "2026-01-01", "2026-01-02", "2026-01-03")

    assert ledger.epsilon(DELTA) == pytest.approx(epsilon_of(3 * MECHANISMS, DELTA))
    assert ledger.epsilon(DELTA) < 3 * epsilon_of(MECHANISMS, DELTA)


def test_same_run_is_charged_once_however_often_it_is_taken_up(ledger: Ledger) -> None:
    spend(ledger, "2026-01-01", "2026-01-01", "2026-01-01")

    assert states(ledger) == ["reserved", "charged"]
    assert ledger.epsilon(DELTA, besides=charge("2026-01-01")) == ledger.epsilon(DELTA)


def test_same_run_for_another_model_is_charged_again(ledger: Ledger) -> None:
    spend(ledger, "2026-01-01")
    ledger.reserve(charge("2026-01-01", "other rows"))

    assert ledger.epsilon(DELTA) == pytest.approx(epsilon_of(2 * MECHANISMS, DELTA))


def test_reserved_counts_until_it_is_void_and_what_was_charged_never_is(ledger: Ledger) -> None:
    ledger.reserve(charge("2026-01-01"))
    reserved = ledger.epsilon(DELTA)
    ledger.void(charge("2026-01-01"))
    voided = ledger.epsilon(DELTA)
    spend(ledger, "2026-01-02")
    ledger.void(charge("2026-01-02"))

    assert reserved == pytest.approx(epsilon_of(MECHANISMS, DELTA))
    assert voided == 0
    assert states(ledger) == ["reserved", "void", "reserved", "charged"]


def test_next_run_voids_what_a_dead_one_reserved_and_did_not_charge(ledger: Ledger) -> None:
    ledger.reserve(charge("2026-01-01"))
    ledger.reserve(charge("2026-01-02"))

    assert states(ledger) == ["reserved", "void", "reserved"]
    with pytest.raises(PlanError, match="must be reserved"):
        ledger.charge(charge("2026-01-01"))


KILLED = """
import os, signal, sys
from pathlib import Path
from synth_ops.privacy.ledger import Charge, Ledger, Unit
from synth_ops.workspace import Workspace
ledger = Ledger(Workspace(Path(sys.argv[1]), "shop", "2026-01-01"), Unit(table="users"))
charge = Charge.model_validate_json(sys.argv[2])
ledger.reserve(charge)
ledger.charge(charge)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_charge_of_a_killed_worker_stands(ledger: Ledger, tmp_path: Path) -> None:
    spent = charge("2026-01-01")
    command = [sys.executable, "-c", KILLED, str(tmp_path), spent.model_dump_json()]
    died = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})

    assert died.returncode == -signal.SIGKILL
    assert states(ledger) == ["reserved", "charged"]
    spend(ledger, "2026-01-01")
    assert states(ledger) == ["reserved", "charged"]


def edit(n: int) -> Callable[[list[bytes]], list[bytes]]:
    def edited(lines: list[bytes]) -> list[bytes]:
        values = json.loads(lines[n - 1])
        values["mechanisms"][0]["noise"] = 1e4
        return [*lines[: n - 1], json.dumps(values, separators=(",", ":")).encode(), *lines[n:]]

    return edited


DAMAGES = {
    "first line edited": (edit(1), "line 1 of .* is not as it was written"),
    "third line edited": (edit(3), "line 3 of .* is not as it was written"),
    "last line edited": (edit(6), "line 6 of .* is not as it was written"),
    "last line gone": (lambda lines: lines[:-1], "line 6 of .* is missing"),
    "second line gone": (lambda lines: [lines[0], *lines[2:]], "line 6 of .* is missing"),
    "last line cut short": (lambda lines: [*lines[:-1], lines[-1][:40]], "line 6 of .* is cut short"),
    "two lines swapped": (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 3 of .* is not as it was"),
    "all gone": (lambda _lines: [], "line 1 of .* is missing"),
    "lines added": (lambda lines: [*lines, lines[4], lines[5]], "line 7 of .* and those after it have no seal"),
    "no JSON": (lambda lines: [*lines[:2], b"{", *lines[3:]], "line 3 of .* is not as it was written"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_ledger_is_refused_with_the_line(ledger: Ledger, damage: str) -> None:
    spend(ledger, "2026-01-01", "2026-01-02", "2026-01-03")
    change, message = DAMAGES[damage]
    lines = change(ledger.path.read_bytes().splitlines())
    end = b"" if damage == "last line cut short" else b"\n"
    ledger.path.write_bytes(b"\n".join(lines) + end if lines else b"")

    with pytest.raises(LedgerBroken, match=message) as refused:
        ledger.reserve(charge("2026-01-04"))
    assert "from a backup" in str(refused.value)
    assert refused.value.exit_code == 2


def test_missing_ledger_is_refused_by_its_seal_and_without_that_by_the_model(ledger: Ledger) -> None:
    spend(ledger, "2026-01-01")
    ledger.path.unlink()
    with pytest.raises(LedgerBroken, match=r"line 1 of .* is missing"):
        ledger.epsilon(DELTA)
    ledger.head_path.unlink()

    with pytest.raises(LedgerBroken, match=r"line 1 of .* is missing, for a model was made that it knows nothing of"):
        ledger.require(("2026-01-01", "k"))


def test_seal_that_cannot_be_read_is_refused(ledger: Ledger) -> None:
    spend(ledger, "2026-01-01")
    ledger.head_path.write_text("{")

    with pytest.raises(LedgerBroken, match="no seal"):
        ledger.epsilon(DELTA)


def test_line_that_a_crash_left_without_its_seal_counts(ledger: Ledger) -> None:
    ledger.reserve(charge("2026-01-01"))
    sealed = ledger.head_path.read_bytes()
    ledger.charge(charge("2026-01-01"))
    ledger.head_path.write_bytes(sealed)

    assert states(ledger) == ["reserved", "charged"]
    spend(ledger, "2026-01-02")
    assert states(ledger) == ["reserved", "charged"] * 2


def test_line_that_a_crash_cut_short_was_never_there(ledger: Ledger) -> None:
    """Its write had not returned, so that no row had been read for it."""
    spend(ledger, "2026-01-01")
    with ledger.path.open("ab") as file:
        file.write(b'{"number":3,"run":"2026-')

    spend(ledger, "2026-01-02")
    assert states(ledger) == ["reserved", "charged"] * 2


def test_ledgers_of_two_tables_know_nothing_of_each_other(ledger: Ledger, tmp_path: Path) -> None:
    spend(ledger, "2026-01-01")
    other = Ledger(Workspace(tmp_path, "shop", "2026-01-01"), Unit(table="orders"))
    spend(other, "2026-01-01")
    other.path.write_bytes(ledger.path.read_bytes())

    with pytest.raises(LedgerBroken, match=r"table 'orders' .* line 1 of"):
        other.lines()
