"""The IO manager that hands a published table to the assets downstream of it, as what their input is annotated with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

import dagster as dg
from pydantic import PrivateAttr

from synth_ops.dagster.snapshot_resource import SnapshotPlace
from synth_ops.dagster.translator import DATASET, TABLE
from synth_ops.errors import OutsideError, PlanError, SynthOpsError

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext

    from synth_ops.publish import Snapshot, SnapshotTable


FORMS: Mapping[str, "Callable[[SnapshotTable], object]"] = {
    "duckdb.DuckDBPyRelation": lambda table: table.duckdb(),
    "pandas.DataFrame": lambda table: table.to_pandas(),
    "pathlib.Path": lambda table: table.paths[0].parent,
    "pyarrow.Table": lambda table: table.to_arrow(),
    "synth_ops.SnapshotTable": lambda table: table,
}
"""What an input may be annotated with, and how it is made. Names stand for types, which would have to be imported."""
DEFAULT_FORM = "pyarrow.Table"


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What an input asks for."""

    table: str
    form: str
    """A key of FORMS."""
    keyed: bool | None
    """Whether a mapping from nights is annotated; None where nothing is."""
    columns: Sequence[str] | None


class SnapshotIOManager(SnapshotPlace, dg.ConfigurableIOManager):
    """Loads a published table as a downstream asset's input; snapshots themselves are made by publishing only.

    An input takes the night that its partition is mapped to. One without partitions, of an asset with, takes the
    latest snapshot. Of several nights it takes a mapping, and is annotated so: ``dict[str, pandas.DataFrame]``.

    Metadata of an input: ``columns``, the only ones to read; ``allow_missing_partitions``, to leave out of a mapping
    the nights of which there is no such table.
    """

    _opened: "dict[tuple[object, ...], Snapshot]" = PrivateAttr(default_factory=dict)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Take no value: what a published table's asset would store is already in its place."""
        if obj is not None:
            asset = context.asset_key.to_user_string() if context.has_asset_key else context.name
            raise dg.Failure(
                f"A snapshot must be made by publishing, however {asset!r} gave a {type(obj).__name__} to store."
                " Give that asset another io_manager_key; SnapshotIOManager only reads.",
                allow_retries=False,
            )

    def load_input(self, context: dg.InputContext) -> object:
        """Give the table that the input depends on, and say in the event log which snapshot it is of.

        All inputs of a step are of one snapshot, whatever is published meanwhile, so that their keys resolve.
        """
        try:
            return self._load(context)
        except OutsideError:
            raise  # the retry policy's case
        except SynthOpsError as exc:
            raise dg.Failure(str(exc), allow_retries=False) from exc

    def _load(self, context: dg.InputContext) -> object:
        wanted = self._wanted(context)
        nights = _nights(context, keyed=wanted.keyed)
        if wanted.keyed or len(nights) != 1:
            return dict(self._each(context, wanted, nights))
        return self._read(context, wanted, self._snapshot(context, nights[0]))

    def _wanted(self, context: dg.InputContext) -> _Wanted:
        """Give what the input asks for, which must be of this dataset."""
        said = _metadata_of(context)
        if said.get(DATASET) not in (None, mine := self.place()[1]):
            raise PlanError(
                f"{_input(context)} must be of dataset {mine!r}, which this SnapshotIOManager reads, however it is of"
                f" {said[DATASET]!r}. Give AssetIn an input_manager_key that reads that one."
            )
        form, keyed = _form_of(context)
        return _Wanted(table=_table_of(context, said), form=form, keyed=keyed, columns=_columns_of(said, form))

    def _each(
        self, context: dg.InputContext, wanted: _Wanted, nights: Sequence[str | None]
    ) -> Iterable[tuple[str, object]]:
        for night in nights:
            try:
                snapshot = self._snapshot(context, night)
                snapshot.table(wanted.table)
            except PlanError as exc:
                if not _metadata_of(context).get("allow_missing_partitions"):
                    raise
                context.log.warning("Left out, as allow_missing_partitions says: %s", exc)
                continue
            yield snapshot.night, self._read(context, wanted, snapshot)

    def _read(self, context: dg.InputContext, wanted: _Wanted, snapshot: "Snapshot") -> object:
        table = snapshot.table(wanted.table)
        if wanted.columns is not None:
            table = table.select(wanted.columns)
        value = FORMS[wanted.form](table)
        _observe(context, snapshot, table)
        return value

    def _snapshot(self, context: dg.InputContext, night: str | None) -> "Snapshot":
        """Open a snapshot, once for all inputs of a step."""
        step = _step_of(context)
        if step is None:
            return self.open(night)
        key = (step.run_id, step.step.key, step.previous_attempt_count, night)
        if key not in self._opened:
            self._opened[key] = self.open(night)
        return self._opened[key]


def _metadata_of(context: dg.InputContext) -> Mapping[str, object]:
    """Give what the input says, and of which table the asset is that it depends on."""
    asset = (context.upstream_output and context.upstream_output.definition_metadata) or {}
    said = {**{key: asset[key] for key in (TABLE, DATASET) if key in asset}, **context.definition_metadata}
    return {key: value.value if isinstance(value, dg.MetadataValue) else value for key, value in said.items()}


def _table_of(context: dg.InputContext, said: Mapping[str, object]) -> str:
    if TABLE in said:
        return str(said[TABLE])
    if not context.has_asset_key:
        raise PlanError(
            f"{_input(context)} must name a table, however it depends on no asset and has no metadata {TABLE!r}."
            f' Write In(metadata={{"{TABLE}": "users"}}).'
        )
    return context.asset_key.path[-1]


def _columns_of(said: Mapping[str, object], form: str) -> Sequence[str] | None:
    columns = said.get("columns")
    if columns is None:
        return None
    if form == "pathlib.Path":
        raise PlanError(
            "Metadata `columns` must be left out where a folder is asked for, however it came with pathlib.Path, whose"
            " files hold all columns. Leave it out, or annotate the input with another type."
        )
    if not isinstance(columns, list | tuple) or not all(isinstance(c, str) for c in columns):
        raise PlanError(
            f'Metadata `columns` must be a list of names, however it is {columns!r}. Write {{"columns": ["id"]}}.'
        )
    return columns


def _form_of(context: dg.InputContext) -> tuple[str, bool | None]:
    """Give the name of the type that the input is annotated with, and whether it is for each night, if it says so."""
    annotation = context.dagster_type.typing_type
    if annotation is Any:
        return DEFAULT_FORM, None
    keyed = annotation is dict or get_origin(annotation) is dict  # newer Dagsters make one of a Mapping
    if keyed:
        annotation = (*get_args(annotation), Any, Any)[1]
    form = DEFAULT_FORM if annotation is Any else _type_name(annotation)
    if form not in FORMS:
        raise PlanError(
            f"{_input(context)} must be annotated with one of {', '.join(FORMS)}, or with a dict from nights to one of"
            f" them, however it is annotated with {form}. Annotate it so, or leave it out for a {DEFAULT_FORM}."
        )
    return form, keyed


def _type_name(annotation: object) -> str:
    """Give the name that a type is imported by: its own module may be an inner one."""
    if not isinstance(annotation, type):
        return str(annotation)
    return f"{annotation.__module__.partition('.')[0].lstrip('_')}.{annotation.__qualname__}"


def _nights(context: dg.InputContext, *, keyed: bool | None) -> Sequence[str | None]:
    """Give the nights that are mapped to the input; None is the latest snapshot's."""
    if not context.has_asset_partitions or (not keyed and _means_latest(context)):
        return (None,)
    nights = context.asset_partition_keys
    if keyed is False and len(nights) != 1:
        raise PlanError(
            f"{_input(context)} must be a dict where other than one night is mapped to it, however it is annotated"
            f" with one table, and {len(nights)} nights are mapped. Annotate it dict[str, ...], or give AssetIn a"
            " partition_mapping to one night, such as LastPartitionMapping()."
        )
    return nights


def _means_latest(context: dg.InputContext) -> bool:
    """Tell whether an asset without nights of its own depends on all of them, which is how Dagster says "on it"."""
    step = _step_of(context)
    if step is None:
        return False
    asset = step.assets_def
    if asset is None or asset.partitions_def is not None:
        return asset is None
    mapping = asset.get_partition_mapping_for_dep(context.asset_key)
    return mapping is None or isinstance(mapping, dg.AllPartitionMapping)


def _step_of(context: dg.InputContext) -> "StepExecutionContext | None":
    """Give the step that asks; `load_asset_value` does without."""
    with suppress(dg.DagsterInvariantViolationError):
        return context.step_context
    return None


def _observe(context: dg.InputContext, snapshot: "Snapshot", table: "SnapshotTable") -> None:
    """Record, on the table's asset and on the input, which snapshot was read."""
    metadata = {
        "snapshot": dg.MetadataValue.text(snapshot.id),
        "dagster/row_count": dg.MetadataValue.int(table.num_rows),
        "dagster/uri": dg.MetadataValue.text(table.paths[0].parent.resolve().as_uri()),
    }
    if not context.has_asset_partitions or len(context.asset_partition_keys) == 1:
        context.add_input_metadata(metadata)
    elif (step := _step_of(context)) is not None:
        # add_input_metadata refuses an input of several partitions. Making the event is logging it.
        observed = dg.AssetObservation(context.asset_key, partition=snapshot.night, metadata=metadata)
        dg.DagsterEvent.asset_observation(step, observed)


def _input(context: dg.InputContext) -> str:
    return f"Input {context.name!r}" if context.has_input_name else "What is loaded"
