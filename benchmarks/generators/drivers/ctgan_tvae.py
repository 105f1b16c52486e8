"""Fit and sample CTGAN or TVAE of the package ctgan: floats that are never null, and categories as text."""

from importlib.metadata import version

import pandas as pd

from generators.drivers.contract import answer, read_order

NULL = "(null)"
MANY = 20
"""An integer of more distinct values than this is a quantity; of fewer, a category."""


def main() -> None:
    order = read_order()
    watch = order.watch()
    import ctgan

    rows = pd.read_parquet(order.train)
    prepared, discrete = prepare(rows)
    limits = {"epochs": order.options["epochs"]} if "epochs" in order.options else {}
    model = getattr(ctgan, order.options["model"])(**limits)
    model.set_random_state(0)
    model.fit(prepared, discrete)
    watch.lap("fit")
    drawn = model.sample(len(rows))
    watch.lap("sample")
    restore(drawn, rows).to_parquet(order.synthetic, index=False)
    answer(version("ctgan"), len(drawn), watch.laps)


def prepare(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Give the table without nulls, and the names of its discrete columns.

    A null number becomes the mean, and a discrete column says where it stood. A column that is null throughout is
    left out.
    """
    columns: dict[str, pd.Series] = {}
    discrete = []
    for name in rows.columns[rows.notna().any()]:
        if is_discrete(rows[name]):
            columns[name] = rows[name].astype(str).where(rows[name].notna(), NULL)
            discrete.append(name)
            continue
        number = _as_float(rows[name])
        columns[name] = number.fillna(number.mean())
        if number.isna().any():
            columns[_mark(name)] = number.isna().astype(str)
            discrete.append(_mark(name))
    return pd.DataFrame(columns), discrete


def restore(drawn: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Give drawn rows the columns, types and nulls of the real ones."""
    return pd.DataFrame({name: _restored(drawn, rows[name]) for name in rows.columns})


def is_discrete(column: pd.Series) -> bool:
    """Tell whether CTGAN should see categories."""
    if pd.api.types.is_bool_dtype(column) or not _is_number(column):
        return True
    return _is_whole(column) and column.nunique() <= MANY


def _restored(drawn: pd.DataFrame, real: pd.Series) -> pd.Series:
    name = str(real.name)
    if name not in drawn:
        return pd.Series([None] * len(drawn), dtype=real.dtype)
    if is_discrete(real):
        text = drawn[name].where(drawn[name] != NULL)
        if pd.api.types.is_bool_dtype(real):
            return text == "True"
        return pd.to_numeric(text).astype(real.dtype) if _is_number(real) else text
    number = drawn[name].round() if _is_whole(real) else drawn[name]
    if _mark(name) in drawn:
        number = number.where(drawn[_mark(name)] != "True")
    return pd.to_datetime(number, unit="s") if _is_instant(real) else number.astype(real.dtype)


def _mark(name: str) -> str:
    return f"{name} is null"


def _is_instant(column: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(column))


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) or _is_instant(column)


def _is_whole(column: pd.Series) -> bool:
    return not _is_instant(column) and bool((column.dropna() % 1 == 0).all())


def _as_float(column: pd.Series) -> pd.Series:
    """Numbers as they are, instants as seconds since 1970."""
    if not _is_instant(column):
        return column.astype(float)
    return (column - pd.Timestamp(0)).dt.total_seconds()


if __name__ == "__main__":
    main()
