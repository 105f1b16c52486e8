"""One table's model, asked by hand: rows with something given, rebalanced rows, missing values filled.

What is not given is drawn from what it then is, without rejection: several rows are proposed for each, and one is
chosen by what the model says of the whole. The models lie in the private part of a workspace, for their weights come
from production; what is drawn here has passed no gate.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth_ops.encode import TableCodec
from synth_ops.encode.categorical import CategoricalCodec, write_names
from synth_ops.errors import PlanError
from synth_ops.policy import ModelFacts
from synth_ops.seeds import seed_of
from synth_ops.workspace import Workspace, read_record
from synth_ops.workspace.models import model_folder

if TYPE_CHECKING:
    from synth_ops.model import Synthesizer

Codes = NDArray[np.int32]
_ANY_NIGHT = "2000-01-01"
"""Models belong to no night."""


@dataclass(frozen=True)
class OpenModel:
    """A trained model, and the codec that gives its codes a meaning.

    Its columns are those that are learned; columns whose names begin with ``@`` say how a row is related to others.
    """

    codec: TableCodec
    synthesizer: "Synthesizer"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that can be given, in order."""
        return self.codec.columns

    def sample(self, n_rows: int, *, given: Mapping[str, Any] | pa.Table | None = None, seed: int = 0) -> pa.Table:
        """Draw rows.

        Args:
            n_rows: how many.
            given: by column a value for all rows, or a column of `n_rows` values; a null is given as null.
            seed: the same seed and the same `given` draw the same rows.

        Raises:
            PlanError: a column is not the model's, or is given values that it does not know.
        """
        columns = {} if given is None else _columns(given, n_rows, self.codec)
        known = {name: np.ones(n_rows, np.bool_) for name in columns}
        return self._draw(n_rows, columns, known, seed=seed, never_null=False)

    def impute(self, table: pa.Table, *, seed: int = 0) -> pa.Table:
        """Fill each null with a draw from what the rest of its row says; all other values stay.

        Raises:
            PlanError: a column is not the model's, or holds values that it does not know.
        """
        columns = _columns(table, table.num_rows, self.codec)
        known = {name: np.asarray(values.is_valid().to_numpy(zero_copy_only=False)) for name, values in columns.items()}
        return self._draw(table.num_rows, columns, known, seed=seed, never_null=True)

    def rebalance(self, n_rows: int, column: str, shares: Mapping[Any, float], *, seed: int = 0) -> pa.Table:
        """Draw rows in which a column's values have these shares; the others follow.

        Raises:
            PlanError: the shares are not positive, or the values not known.
        """
        weights = np.array(list(shares.values()), np.float64)
        if not len(weights) or not (weights > 0).all():
            raise PlanError(
                f"The shares of column {column!r} must be positive numbers, however they are {list(shares.values())}."
                " Leave out the values that are not wanted."
            )
        rng = np.random.default_rng(seed_of(str(seed), "rebalance"))
        chosen = rng.choice(len(weights), n_rows, p=weights / weights.sum())
        values = list(shares)
        return self.sample(n_rows, given={column: [values[i] for i in chosen]}, seed=seed)

    def _draw(
        self, n_rows: int, columns: Mapping[str, pa.Array], known: Mapping[str, Any], *, seed: int, never_null: bool
    ) -> pa.Table:
        from synth_ops.model import Given  # torch is loaded when a model is asked, and not before

        codes, is_given = self._codes(n_rows, columns, known)
        n_context = self.synthesizer.n_context
        if not is_given[:, :n_context].all():
            told = [c for c in self.columns if set(self.codec.layout.of(c)) & set(range(n_context))]
            raise PlanError(
                f"What is known of a row's parent must be given in full: {told}, however it is not."
                " Give these columns, from a row of the parent that it is to belong to."
            )
        given = Given(codes, is_given, never_null) if is_given[:, n_context:].any() or never_null else None
        context = codes[:, :n_context] if n_context else None
        drawn = self.synthesizer.sample(n_rows, context=context, seed=seed, given=given)
        table = self.codec.decode(drawn, np.random.default_rng(seed_of(str(seed), "decode")))
        for name, values in columns.items():
            kept = pc.if_else(pa.array(known[name]), values, table.column(name).combine_chunks())
            table = table.set_column(table.column_names.index(name), table.schema.field(name), kept)
        return table

    def _codes(
        self, n_rows: int, columns: Mapping[str, pa.Array], known: Mapping[str, Any]
    ) -> tuple[Codes, NDArray[np.bool_]]:
        """Give ``(n_rows, n_sub_columns)`` codes, and which of them are given."""
        codes = np.zeros((n_rows, len(self.codec.layout.sizes)), np.int32)
        is_given = np.zeros(codes.shape, np.bool_)
        for name, values in columns.items():
            places = list(self.codec.layout.of(name))
            codes[:, places] = self.codec.codecs[name].encode(values)
            is_given[:, places] = known[name][:, None]
        return codes, is_given


def open_model(root: Path | str, dataset: str, table: str, *, device: str = "cpu") -> OpenModel:
    """Open the newest model of a table.

    Args:
        root: the workspace's folder, ``.synth-ops`` by default.
        dataset: as synth.yaml names it.
        table: as the source names it.
        device: where to compute: ``cpu``, ``cuda``, ``auto``.

    Raises:
        PlanError: the table has no model.
        CorruptArtifact: a file of it is missing or altered.
    """
    from synth_ops.model import load_synthesizer  # torch is loaded when a model is asked, and not before

    workspace = Workspace(root=Path(root), dataset=dataset, night=_ANY_NIGHT)
    latest = read_record(workspace.models(table) / "latest.json", ModelFacts)
    if latest is None:
        raise PlanError(
            f"Table {table!r} of dataset {dataset!r} must have a model, however there is none under {root}."
            " Run `synth-ops train` first, in the project's folder."
        )
    folder = model_folder(workspace, table, latest.model_id)
    return OpenModel(
        TableCodec.from_json(json.loads((folder / "codec.json").read_text())), load_synthesizer(folder, device=device)
    )


def _columns(given: Mapping[str, Any] | pa.Table, n_rows: int, codec: TableCodec) -> dict[str, pa.Array]:
    """Give what is given as columns of the model's types."""
    names = given.column_names if isinstance(given, pa.Table) else list(given)
    if unknown := [n for n in names if n not in codec.columns]:
        raise PlanError(
            f"Columns that are given must be learned ones, however {unknown} are not: {list(codec.columns)}."
        )
    found = {}
    for name in names:
        values = given.column(name) if isinstance(given, pa.Table) else given[name]
        found[name] = _column(values, name, n_rows, codec)
        _check_known(found[name], name, codec)
    return found


def _column(values: Any, name: str, n_rows: int, codec: TableCodec) -> pa.Array:  # noqa: ANN401 — a value or many
    dtype = codec.schema.field(name).type
    try:
        if isinstance(values, pa.ChunkedArray | pa.Array):
            whole = values.cast(dtype)
            column = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
        elif isinstance(values, list | tuple | np.ndarray):
            column = pa.array(values, dtype)
        else:
            column = pa.repeat(pa.scalar(values, dtype), n_rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        raise PlanError(f"Column {name!r} must be given values of type {dtype}, however it is given others.") from None
    if len(column) != n_rows:
        raise PlanError(
            f"Column {name!r} must be given one value, or one for each of {n_rows} rows, however it is given"
            f" {len(column)}. Repeat or leave out values until they are as many as the rows."
        )
    return column


def _check_known(values: pa.Array, name: str, codec: TableCodec) -> None:
    """Refuse a category that the model has never seen: it could only guess."""
    categories = codec.codecs[name]
    if not isinstance(categories, CategoricalCodec):
        return
    kept = set(categories.names)
    n_unknown = sum(n not in kept for n in write_names(values.drop_null().unique()))
    if n_unknown:
        raise PlanError(
            f"Column {name!r} must be given values that its model knows, however {n_unknown} of those given are not"
            f" among its {len(kept)} categories. A category of fewer entities than `rare_below` is not known."
        )
