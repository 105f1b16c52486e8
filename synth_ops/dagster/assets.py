"""One asset a step, one partition a night. Each asset calls its verb and reports the record; no data passes between."""

import re
from pathlib import Path

import dagster as dg

from synth_ops.errors import OutsideError, SynthOpsError
from synth_ops.plan import load_config
from synth_ops.records import Progress, ProgressEvent, Published, Record, Sampled, Step, Validated
from synth_ops.refresh import VERBS, take_step

FIRST_NIGHT = "2026-01-01"
RETRIES = dg.RetryPolicy(max_retries=2, delay=60)


def build_synth_assets(config: str | Path, *, first_night: str = FIRST_NIGHT) -> dg.Definitions:
    """Give the definitions that refresh the dataset of a synth.yaml, a night a partition.

    Reads the file and nothing else: neither the source nor torch is touched before an asset is materialised.
    """
    path = Path(config).resolve()
    group = re.sub(r"\W", "_", load_config(path).dataset)
    nights = dg.DailyPartitionsDefinition(start_date=first_night, end_offset=1)  # today is a night
    steps = tuple(VERBS)
    assets = [_asset_of(s, path, group, nights, b) for s, b in zip(steps, (None, *steps), strict=False)]
    job = dg.define_asset_job(f"refresh_{group}", dg.AssetSelection.groups(group))
    return dg.Definitions(assets=assets, jobs=[job])


def _asset_of(
    step: Step, config: Path, group: str, nights: dg.PartitionsDefinition[str], before: Step | None
) -> dg.AssetsDefinition:
    @dg.asset(
        key=[group, step],
        deps=[dg.AssetKey([group, before])] if before else [],
        group_name=group,
        partitions_def=nights,
        retry_policy=RETRIES,
        description=f"What `synth-ops {step}` leaves for the night.",
    )
    def take(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        try:
            record = take_step(step, load_config(config), context.partition_key, progress=_logged(context))
        except OutsideError:
            raise  # the retry policy's case
        except SynthOpsError as exc:
            raise dg.Failure(str(exc), allow_retries=False) from exc
        return dg.MaterializeResult(metadata=_metadata(record))

    return take


def _logged(context: dg.AssetExecutionContext) -> Progress:
    """Log an event when its phase begins."""
    seen: set[str] = set()

    def log(event: ProgressEvent) -> None:
        line = " · ".join(part for part in (event.step, event.table, event.phase.rstrip("0123456789 ")) if part)
        if line not in seen:
            seen.add(line)
            context.log.info(line)

    return log


def _metadata(record: Record) -> dict[str, dg.MetadataValue]:
    """Give what Dagster shows and plots of a record."""
    seconds: dict[str, dg.MetadataValue] = {"seconds": dg.MetadataValue.float(float(getattr(record, "seconds", 0.0)))}
    if isinstance(record, Sampled):
        rows = {f"rows/{t.name}": dg.MetadataValue.int(t.n_rows) for t in record.tables}
        return {"dagster/row_count": dg.MetadataValue.int(sum(t.n_rows for t in record.tables)), **rows, **seconds}
    if isinstance(record, Validated):
        report = dg.MetadataValue.path(record.report)
        return {"verdict": dg.MetadataValue.text(record.verdict), "report": report, **seconds}
    if isinstance(record, Published):
        n_rows = dg.MetadataValue.int(sum(record.n_rows.values()))
        return {"dagster/row_count": n_rows, "snapshot": dg.MetadataValue.path(record.path), **seconds}
    return seconds
