"""The quickest trial: one file in, a synthetic one out, by the same steps as a night's refresh."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from synth_ops.cli.options import AsJson, Device, Quiet
from synth_ops.cli.results import print_json, print_line
from synth_ops.cli.watch import duration, watching
from synth_ops.errors import PersonalFound, PlanError
from synth_ops.plan.plan import Family
from synth_ops.records import Extracted, Progress, Sampled, SampledTable, Suspect

FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
NIGHT = "2000-01-01"  # a fixed one: the same seed gives the same file on any day

Model = Annotated[Family, typer.Option("--model", "-m", help="The family of the model.")]
Budget = Annotated[str | None, typer.Option("--time-budget", metavar="5m", help="Training takes this long at most.")]


def copy(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A Parquet or CSV file.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The synthetic file, Parquet or CSV by its ending.")],
    *,
    rows: Annotated[int | None, typer.Option("--rows", min=1, show_default="as many as IN has")] = None,
    model: Model = "vae",
    seed: Annotated[int, typer.Option("--seed")] = 0,
    device: Device = "auto",
    time_budget: Budget = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a synthetic copy of one file; no plan, no gate: a trial, not a publication.

    [bold]Examples[/bold]

      synth-ops copy adult.parquet synthetic.parquet
      synth-ops copy users.csv users_synthetic.csv --rows 1000 --seed 1 --time-budget 5m
    """
    _check_formats(source, target)
    with tempfile.TemporaryDirectory(prefix="synth-ops-copy-") as folder, watching(quiet=quiet) as progress:
        defaults = {"model": model, "rows": 1.0 if rows is None else rows, "time_budget": time_budget}
        project = _write_project(Path(folder), source, seed, {k: v for k, v in defaults.items() if v is not None})
        suspects = _extract(project, progress)
        sampled = _learn_and_sample(project, device, progress)
        record = _deliver(sampled, target)
    if as_json:
        print_json(record)
        return
    for suspect in suspects:
        print_line(f"{suspect.column}: not learned but {suspect.word}, for {suspect.reason}")
    print_line(f"{target}: {record.n_rows:,} synthetic rows ({duration(sampled.seconds)} of sampling)")


def _check_formats(source: Path, target: Path) -> None:
    for role, path in (("IN", source), ("OUT", target)):
        if path.suffix.lower() not in FORMATS:
            raise PlanError(f"{role} must end in .parquet or .csv, however: {path}. Convert it, or rename it.")
    if not source.is_file():
        raise PlanError(f"IN must be a file, however there is none at {source}. Correct the path.")


def _write_project(folder: Path, source: Path, seed: int, defaults: dict[str, object]) -> Path:
    """Write the plan of a dataset of one table; the seed is in its name, from which all seeds derive."""
    kind = FORMATS[source.suffix.lower()]
    (folder / "source").mkdir()
    (folder / "source" / f"{source.stem}.{kind}").symlink_to(source.resolve())
    plan = {
        "dataset": f"copy_{seed}",
        "source": f"{kind}:{folder / 'source'}",
        "publish": str(folder / "snapshots"),
        "defaults": defaults,
        "privacy": {"holdout": 0.0},
    }
    path = folder / "synth.yaml"
    path.write_text(json.dumps(plan), encoding="utf-8")  # JSON is YAML
    return path


def _extract(project: Path, progress: Progress) -> tuple[Suspect, ...]:
    """Read the file; columns that look personal are settled in the plan, for a trial has nobody to ask. Give them."""
    from synth_ops.plan import load_config
    from synth_ops.refresh import take_step, workspace_of
    from synth_ops.workspace import read_record

    try:
        take_step("extract", load_config(project), NIGHT, progress=progress)
    except PersonalFound:
        record = read_record(workspace_of(load_config(project), NIGHT).record("extract"), Extracted)
        suspects = record.suspects if record else ()
        _settle(project, suspects)
        take_step("extract", load_config(project), NIGHT, progress=progress)
        return suspects
    return ()


def _settle(project: Path, suspects: tuple[Suspect, ...]) -> None:
    """Write into the plan what keeps each suspect from the model."""
    import yaml

    plan = json.loads(project.read_text(encoding="utf-8"))
    columns = {s.column: yaml.safe_load(s.word) for s in suspects}
    plan["tables"] = {suspects[0].table: {"columns": columns}}
    project.write_text(json.dumps(plan), encoding="utf-8")


def _learn_and_sample(project: Path, device: str, progress: Progress) -> Sampled:
    from synth_ops.plan import load_config
    from synth_ops.refresh import Options, take_step

    config = load_config(project)
    options = Options(device=device)
    take_step("train", config, NIGHT, options=options, progress=progress)
    return Sampled.model_validate(take_step("sample", config, NIGHT, options=options, progress=progress).model_dump())


def _deliver(sampled: Sampled, target: Path) -> SampledTable:
    """Put the one synthetic table where it was asked for."""
    from synth_ops.workspace import sha256_of, staged

    table = sampled.tables[0]
    with staged(target) as part:
        if FORMATS[target.suffix.lower()] == "csv":
            _write_csv(Path(table.path), part)
        else:
            shutil.copyfile(table.path, part)
    return table.model_copy(update={"path": str(target), "sha256": sha256_of(target)})


def _write_csv(parquet: Path, target: Path) -> None:
    import pyarrow.csv
    import pyarrow.parquet as pq

    with pq.ParquetFile(parquet) as file, pyarrow.csv.CSVWriter(target, file.schema_arrow) as writer:
        for batch in file.iter_batches():
            writer.write_batch(batch)
