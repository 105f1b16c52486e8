"""One contender on one table, as a whole process, and then judged."""

import datetime as dt
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from measure import Run, run

from generators.cells import Cell, Key
from generators.contenders import CONTENDERS, HERE
from generators.judge import JudgeFailed, judge_table, last_line
from generators.machine import describe
from generators.tables import Split


@dataclass(frozen=True)
class Bench:
    """What all cells share."""

    judge: Path
    limit_seconds: float
    """A contender that takes longer is killed."""
    scratch: Path


def run_cell(bench: Bench, key: Key, split: Split, python: Path, data: str) -> Cell:
    """Fit, sample and judge; what goes wrong is said in the cell, and does not end the benchmark."""
    contender = CONTENDERS[key.contender]
    cell = Cell(
        key=key,
        code=contender.code(),
        data=data,
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        machine=describe(),
        n_train=split.n_train,
        n_columns=split.n_columns,
    )
    synthetic, log = bench.scratch / "synthetic.parquet", bench.scratch / "stderr.log"
    synthetic.unlink(missing_ok=True)
    module = f"generators.drivers.{contender.driver}"
    command = [str(python), "-m", module, str(split.train), str(synthetic), _options(key)]
    ran = run(command, limit_seconds=bench.limit_seconds, errors=log, folder=HERE.parent)
    cell = cell.model_copy(update={"wall_seconds": round(ran.seconds, 2), "peak_gb": round(ran.peak_gb, 3)})
    if ran.return_code:
        return cell.model_copy(update=_failure(ran, bench, log))
    return _judged(cell.model_copy(update=json.loads(ran.output.splitlines()[-1])), bench, split, synthetic)


def _options(key: Key) -> str:
    options = {"model": CONTENDERS[key.contender].model, "time_budget": key.budget, "epochs": key.epochs}
    given = {name: value for name, value in options.items() if value is not None}
    return json.dumps(given | {"started": time.monotonic()})


def _failure(ran: Run, bench: Bench, log: Path) -> dict[str, object]:
    if ran.seconds >= bench.limit_seconds:
        return {"over_limit": True, "error": f"not finished within {bench.limit_seconds:.0f} s"}
    said = log.read_text(encoding="utf-8", errors="replace")
    print(said, file=sys.stderr)
    return {"error": f"ended with {ran.return_code}: {last_line(said)}"}


def _judged(cell: Cell, bench: Bench, split: Split, synthetic: Path) -> Cell:
    try:
        figures, floor = judge_table(bench.judge, split, synthetic)
    except JudgeFailed as failed:
        return cell.model_copy(update={"error": f"not judged: {failed}"})
    return cell.model_copy(update={"synthetic": figures, "floor": floor})


def digest(*files: Path) -> str:
    """Give twelve hex digits over the files' content."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:12]
