"""Give every row its parents, by every foreign key, whatever columns the keys share."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth_ops.errors import PlanError
from synth_ops.relate.clusters import label_text
from synth_ops.relate.degrees import DegreeSpec, calibrate
from synth_ops.relate.draft import ORPHAN_ROW, Draft, Rows, Scene
from synth_ops.relate.flat import degree_name, label_name
from synth_ops.relate.keys import key_label, key_texts
from synth_ops.relate.links import NULL, ORPHAN, PRESENT, RARE, SELF
from synth_ops.relate.match import any_null, find_rows, tuple_codes
from synth_ops.relate.slots import Labels, cycle_rows, match_by_levels, match_slots, plant_forest, slots_within
from synth_ops.relate.spec import FkSpec
from synth_ops.relate.unlearned import mint_orphans

ORPHAN_ROUNDS = 20
NEVER = 1e-9
"""Weight of a parent that shall have no children, where only such are left."""


def find_parents(draft: Draft, keys: Sequence[FkSpec], scene: Scene) -> None:
    """Fill in the columns of foreign keys: the main key's, then those of the most columns, orphans last."""
    labels = {k.name: _labels(draft, k, scene.rng) for k in keys}
    main = draft.spec.main if draft.spec else None
    for key in sorted(keys, key=lambda k: (k != main, -len(k.foreign_key.columns), k.name)):
        rows = np.flatnonzero(~np.isin(labels[key.name], [NULL, ORPHAN]))
        _find(draft, key, rows, labels[key.name], scene)
        draft.resolved.add(key.name)
    for key in keys:
        _leave_orphans(draft, key, np.flatnonzero(labels[key.name] == ORPHAN), scene)
    for key in keys:
        if not key.foreign_key.soft:
            _mend(draft, key, scene)
        if key.foreign_key.ref_table == draft.name:
            _cut_cycles(draft, key)


def fill_required(draft: Draft, scene: Scene) -> None:
    """Fill in what is left of keys whose columns may not be null: of composite keys with a null beside, of orphans.

    A column waits for all keys that it is part of.
    """
    keys = draft.spec.foreign_keys if draft.spec else ()
    waiting = {c for k in keys if k.name not in draft.resolved for c in k.foreign_key.columns}
    for key in (k for k in keys if k.name in draft.resolved):
        parent = scene.drafts[key.foreign_key.ref_table]
        for column, ref in zip(key.foreign_key.columns, key.foreign_key.ref_columns, strict=True):
            if column in waiting:
                continue
            empty = np.flatnonzero(draft.key([column])[0].is_null().to_numpy(zero_copy_only=False))
            if len(empty) and not draft.nullable(column):
                _require(parent.n_rows > 0, draft, key)
                at = scene.rng.integers(0, parent.n_rows, len(empty))
                draft.fill(column, empty, parent.columns[ref].take(pa.array(at)))


def _labels(draft: Draft, key: FkSpec, rng: np.random.Generator) -> Labels:
    """Give each row's label by a key; where the plan forbids null or an orphan, a parent is wanted."""
    if draft.spec and key == draft.spec.main:
        labels = np.where(draft.main_rows >= 0, PRESENT, np.where(draft.main_rows == ORPHAN_ROW, ORPHAN, NULL))
        return labels.astype(object)
    labels = np.full(draft.n_rows, PRESENT, dtype=object)
    if label_name(key.foreign_key) in draft.flat.column_names:
        sampled = draft.flat.column(label_name(key.foreign_key)).to_numpy(zero_copy_only=False)
        labels = np.where(pd.isna(sampled), NULL, sampled).astype(object)
    may_be_null = any(map(draft.nullable, key.foreign_key.columns))
    _keep_share(labels, NULL, key.null_share if may_be_null else 0.0, rng)
    _keep_share(labels, ORPHAN, key.orphan_share if key.foreign_key.soft else 0.0, rng)
    return labels


def _keep_share(labels: Labels, word: str, share: float, rng: np.random.Generator) -> None:
    """Bring the number of rows of a label to its real share, in place, by as few changes as there can be.

    A label of few rows is pooled with others before training, and would be lost.
    """
    there = np.flatnonzero(labels == word)
    lacking = round(share * len(labels)) - len(there)
    if lacking < 0:
        labels[rng.permutation(there)[:-lacking]] = PRESENT
    others = np.flatnonzero(~np.isin(labels, [NULL, ORPHAN]))
    labels[rng.permutation(others)[: max(lacking, 0)]] = word


def _find(draft: Draft, key: FkSpec, rows: Rows, labels: Labels, scene: Scene) -> None:
    """Give parents to the rows that shall have one."""
    parent = scene.drafts[key.foreign_key.ref_table]
    if draft.spec and key == draft.spec.main:
        _point(draft, key, rows, draft.main_rows[rows], parent)
        return
    n_filled = draft.is_filled(key.foreign_key.columns)[rows]
    free, partly = rows[n_filled == 0], rows[(n_filled > 0) & (n_filled < len(key.foreign_key.columns))]
    if len(free):
        if parent.n_rows == 0 and (key.foreign_key.soft or all(map(draft.nullable, key.foreign_key.columns))):
            return
        _require(len(parent.with_key(key.foreign_key.ref_columns)) > 0, draft, key)
        _point(draft, key, free, _choose(draft, key, free, labels, parent, scene.rng), parent)
    if len(partly):
        _agree(draft, key, partly, labels, parent, scene.rng)


def _point(draft: Draft, key: FkSpec, rows: Rows, at: Rows, parent: Draft) -> None:
    """Fill in the key's columns from the parents' rows; -1 leaves a row as it is."""
    there = at >= 0
    foreign_key = key.foreign_key
    draft.fill_key(foreign_key.columns, rows[there], parent, foreign_key.ref_columns, at[there])


def _choose(draft: Draft, key: FkSpec, rows: Rows, labels: Labels, parent: Draft, rng: np.random.Generator) -> Rows:
    """Choose parents for rows that no other key has touched.

    **Shape**

    - result: ``(len(rows),)``
    """
    if key.copied:
        return _by_key(key, labels[rows], parent, rng)
    if parent is draft:
        return _in_own_table(draft, key, rows, labels, rng)
    there = parent.with_key(key.foreign_key.ref_columns)
    degrees = calibrate(_degrees(key), parent.degree_scores(draft.name, key)[there], len(rows), rng)
    slots = np.repeat(there, degrees)
    return np.asarray(slots[match_slots(labels[rows], _clusters(draft, key, parent)[slots], rng)])


def _by_key(key: FkSpec, labels: Labels, parent: Draft, rng: np.random.Generator) -> Rows:
    """Find a copied parent by its own key; a rare one is any of a few of those that are no label.

    A row whose label was taken from it goes where some other row went.
    """
    names = _own_labels(key, parent)
    row_of = {name: row for row, name in reversed(list(enumerate(names))) if name is not None}
    at = np.array([row_of.get(label, -1) for label in labels], dtype=np.int64)
    rare = np.flatnonzero(~np.isin(names, list(key.common)) & ~pd.isna(names))
    rare = rng.permutation(rare if len(rare) else np.arange(parent.n_rows))[: max(key.n_rare, 1)]
    found, missing = at[at >= 0], at < 0
    pooled = missing & ((labels == RARE) | (len(found) == 0))
    at[pooled] = rng.choice(rare, int(pooled.sum()))
    if len(found):
        at[missing & ~pooled] = rng.choice(found, int((missing & ~pooled).sum()))
    return at


def _in_own_table(draft: Draft, key: FkSpec, rows: Rows, labels: Labels, rng: np.random.Generator) -> Rows:
    """Choose parents in the table itself: a forest, whose roots have no parent or are their own."""
    below = np.zeros(draft.n_rows, dtype=bool)
    below[rows] = labels[rows] != SELF
    if below.all():
        below[_best_root(draft, key)] = False
    degrees = calibrate(_degrees(key), draft.degree_scores(draft.name, key), int(below.sum()), rng)
    at = plant_forest(~below, degrees, labels, _clusters(draft, key, draft), rng)
    roots = np.flatnonzero(~below & np.isin(np.arange(draft.n_rows), rows))
    own = roots if not all(map(draft.nullable, key.foreign_key.columns)) else roots[labels[roots] == SELF]
    at[own] = own
    return np.asarray(at[rows])


def _best_root(draft: Draft, key: FkSpec) -> int:
    return int(draft.degree_scores(draft.name, key).argmax())


def _agree(draft: Draft, key: FkSpec, rows: Rows, labels: Labels, parent: Draft, rng: np.random.Generator) -> None:
    """Give parents that agree on the columns which other keys have filled in, of the wanted label as far as they go."""
    columns, refs = key.foreign_key.columns, key.foreign_key.ref_columns
    filled = np.stack([draft.filled[c][rows] for c in columns], axis=1)
    groups = _parent_labels(draft, key, parent)
    for pattern in np.unique(filled, axis=0):
        chosen = rows[(filled == pattern).all(axis=1)]
        mine = [c for c, is_set in zip(columns, pattern, strict=True) if is_set]
        theirs = [c for c, is_set in zip(refs, pattern, strict=True) if is_set]
        codes, parent_codes = tuple_codes(draft.key(mine, chosen), parent.key(theirs))
        met = np.isin(codes, parent_codes[parent_codes >= 0])
        chosen, codes = chosen[met], codes[met]
        slots = slots_within(codes, parent_codes, _weights(draft, key, len(chosen), parent, rng), rng)
        both = pd.factorize(np.concatenate([labels[chosen], groups[slots]]))[0].astype(np.int64)
        width = int(both.max(initial=0)) + 1
        wanted = [codes * width + both[: len(chosen)], codes]
        offered = [parent_codes[slots] * width + both[len(chosen) :], parent_codes[slots]]
        _point(draft, key, chosen, slots[match_by_levels(wanted, offered, rng)], parent)


def _weights(draft: Draft, key: FkSpec, n_rows: int, parent: Draft, rng: np.random.Generator) -> NDArray[np.float64]:
    """Give how often each parent shall be pointed at, about; never nil, or none might be left that agrees."""
    if key.copied:
        return np.ones(parent.n_rows)
    degrees = calibrate(_degrees(key), parent.degree_scores(draft.name, key), n_rows, rng)
    return degrees.astype(np.float64) + NEVER


def _parent_labels(draft: Draft, key: FkSpec, parent: Draft) -> Labels:
    if not key.copied:
        return _clusters(draft, key, parent)
    return _own_labels(key, parent)


def _own_labels(key: FkSpec, parent: Draft) -> Labels:
    """Give each row of a copied parent the label that its key is, None where it has none."""
    texts = key_texts(parent.key(key.foreign_key.ref_columns))
    return np.array([None if t is None else key_label(t) for t in texts], dtype=object)


def _leave_orphans(draft: Draft, key: FkSpec, rows: Rows, scene: Scene) -> None:
    """Give orphans a key that no parent has, leaving what other keys have filled in."""
    foreign_key = key.foreign_key
    parent = scene.drafts[foreign_key.ref_table]
    open_rows = rows[draft.is_filled(foreign_key.columns)[rows] < len(foreign_key.columns)]
    if len(open_rows) == 0:
        return
    free = [c for c in foreign_key.columns if not draft.filled[c][open_rows].all()]
    if len(foreign_key.columns) > 1:
        open_rows = _stray(draft, key, open_rows, parent, scene.rng)
    for column in free[-1:]:
        avoid = parent.columns[foreign_key.ref_columns[foreign_key.columns.index(column)]]
        draft.fill(column, open_rows, mint_orphans(draft, key, column, len(open_rows), avoid, scene))


def _stray(draft: Draft, key: FkSpec, rows: Rows, parent: Draft, rng: np.random.Generator) -> Rows:
    """Combine parts of different parents into keys that no parent has; give the rows where that failed."""
    foreign_key = key.foreign_key
    if parent.n_rows == 0:
        return rows
    open_columns = {c: rows[~draft.filled[c][rows]] for c in foreign_key.columns}
    for _ in range(ORPHAN_ROUNDS):
        for column, ref in zip(foreign_key.columns, foreign_key.ref_columns, strict=True):
            mine = np.intersect1d(open_columns[column], rows)
            at = rng.integers(0, parent.n_rows, len(mine))
            draft.fill(column, mine, parent.columns[ref].take(pa.array(at)))
        rows = rows[find_rows(draft.key(foreign_key.columns, rows), parent.key(foreign_key.ref_columns)) >= 0]
        if len(rows) == 0:
            break
    return rows


def _mend(draft: Draft, key: FkSpec, scene: Scene) -> None:
    """Let a row whose declared key finds no parent borrow the whole key of a row that has one."""
    foreign_key = key.foreign_key
    broken = _broken(draft, key, scene)
    if not broken.any():
        return
    columns = _entangled(draft, foreign_key.columns)
    donors = np.flatnonzero(~broken & ~any_null(draft.key(foreign_key.columns)))
    at = np.flatnonzero(broken)
    free = [c for c in foreign_key.columns if draft.nullable(c)]
    if len(donors):
        source = scene.rng.choice(donors, len(at))
        for column in columns:
            draft.fill(column, at, draft.columns[column].take(pa.array(source)))
    else:
        _require(bool(free), draft, key)
        draft.fill(free[-1], at, pa.nulls(len(at), draft.schema.field(free[-1]).type))


def _cut_cycles(draft: Draft, key: FkSpec) -> None:
    """Make one row of each cycle a root, where other keys had a say in who points at whom."""
    foreign_key = key.foreign_key
    at = find_rows(draft.key(foreign_key.columns), draft.key(foreign_key.ref_columns))
    roots = cycle_rows(at)
    free = [c for c in foreign_key.columns if draft.nullable(c)]
    if free:
        draft.fill(free[-1], roots, pa.nulls(len(roots), draft.schema.field(free[-1]).type))
    else:
        draft.fill_key(foreign_key.columns, roots, draft, foreign_key.ref_columns, roots)


def _broken(draft: Draft, key: FkSpec, scene: Scene) -> NDArray[np.bool_]:
    foreign_key = key.foreign_key
    mine = draft.key(foreign_key.columns)
    found = find_rows(mine, scene.drafts[foreign_key.ref_table].key(foreign_key.ref_columns))
    required = not any(map(draft.nullable, foreign_key.columns))
    return np.asarray((found < 0) & (~any_null(mine) | required))


def _entangled(draft: Draft, columns: Sequence[str]) -> list[str]:
    """Give the columns of all keys that share a column with these, directly or through others."""
    keys = [set(k.foreign_key.columns) for k in (draft.spec.foreign_keys if draft.spec else ())]
    found = set(columns)
    for _ in keys:
        found = found.union(*(k for k in keys if k & found))
    return sorted(found)


def _degrees(key: FkSpec) -> DegreeSpec:
    return key.degrees or DegreeSpec(groups=())


def _clusters(draft: Draft, key: FkSpec, parent: Draft) -> Labels:
    """Give each parent's cluster; all are alike where the parent's model never saw that key."""
    labels = parent.clusters.get(degree_name(draft.name, key.foreign_key))
    return label_text(np.zeros(parent.n_rows, dtype=np.int64) if labels is None else labels.astype(np.int64))


def _require(holds: bool, draft: Draft, key: FkSpec) -> None:  # noqa: FBT001 — the condition is the subject
    if not holds:
        raise PlanError(
            f"Rows of table {draft.name!r} must have a parent by {key.name}, however the synthetic"
            f" {key.foreign_key.ref_table!r} has none that fits. Ask for more rows of it in synth.yaml, or for none of"
            f" {draft.name!r}."
        )
