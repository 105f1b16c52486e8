"""What tonight would do to each table, and why; the source is read, and nothing is written."""

from collections.abc import Iterator, Mapping

from synth_ops.fingerprint import Fingerprint
from synth_ops.personal import Sampler, find_personal, unsettled
from synth_ops.plan import ColumnPlan, Config, Plan, TablePlan, resolve
from synth_ops.plan.plan import Entity
from synth_ops.records import Decision, Extracted, ExtractedTable, Record
from synth_ops.settings import expand
from synth_ops.source import Source, open_source
from synth_ops.workspace import Workspace


class PlannedTable(Record):
    """What tonight would do to one table."""

    name: str
    n_rows: int
    """In the source; 0 for a table that is skipped, which is not read."""
    decision: Decision
    reason: str
    entity: Entity = Entity()
    """Whose its rows are."""
    columns: tuple[ColumnPlan, ...]


def preview(config: Config, workspace: Workspace, *, tables: tuple[str, ...] | None = None) -> tuple[PlannedTable, ...]:
    """Read the source once, and ask the policy about each table.

    `tables` are those whose models may be learned anew; None is all.

    Raises:
        PlanError: synth.yaml does not fit the schema, or a chosen table is not in it.
        SourceError: the source did not answer.
    """
    from synth_ops.train import check_chosen  # loads the encoder's libraries, which the command line does not need

    with open_source(expand(config.source)) as source:
        plan = resolve(config, source.database())
        check_chosen(plan, tables)
        samplers = {t.name: Sampler(unsettled(config, t)) for t in plan.tables if t.mode != "skip"}
        found = tuple(_look(source, plan.table(name), sampler) for name, sampler in samplers.items())
    extracted = Extracted(night=workspace.night, tables=found, fingerprint="", seconds=0.0)
    warned = {name: _warned(plan.table(name), sampler) for name, sampler in samplers.items()}
    return tuple(_planned(plan, extracted, workspace, tables, warned))


def _look(source: Source, table: TablePlan, sampler: Sampler) -> ExtractedTable:
    """Stream a table through its fingerprint and its sample."""
    running, n_rows = Fingerprint(table.table), 0
    for batch in source.batches(table.table):
        running.update(batch)
        sampler.update(batch)
        n_rows += batch.num_rows
    return ExtractedTable(name=table.name, path="", n_rows=n_rows, fingerprint=running.hexdigest())


def _warned(table: TablePlan, sampler: Sampler) -> tuple[ColumnPlan, ...]:
    """Give the columns, and say of those that a refresh would stop at what they look like."""
    found = find_personal(table.table, sampler.samples())
    stopping = {
        n: f"{f.reason}: refresh stops until synth.yaml says {f.word} or {{kind: auto}}" for n, f in found.items()
    }
    return tuple(c.model_copy(update={"reason": stopping.get(c.name, c.reason)}) for c in table.columns)


def _planned(
    plan: Plan,
    extracted: Extracted,
    workspace: Workspace,
    chosen: tuple[str, ...] | None,
    columns: Mapping[str, tuple[ColumnPlan, ...]],
) -> Iterator[PlannedTable]:
    from synth_ops.train import decide_table, latest_model

    n_rows = {t.name: t.n_rows for t in extracted.tables}
    for table in plan.tables:
        latest = latest_model(workspace, table.name)
        decided = decide_table(workspace, plan, table, extracted, latest, chosen=chosen is None or table.name in chosen)
        yield PlannedTable(
            name=table.name,
            n_rows=n_rows.get(table.name, 0),
            decision=decided.decision,
            reason=decided.reason,
            entity=table.entity,
            columns=columns.get(table.name, table.columns),
        )
