"""What a privacy budget asks of a plan: what it forbids, and what it turns off, column by column."""

from collections.abc import Iterator, Mapping

from synth_ops.plan.config import Config, PrivacyConfig, TableConfig
from synth_ops.plan.plan import ColumnPlan
from synth_ops.plan.problems import KeyPath, Problem
from synth_ops.schema import Database, ForeignKey


def budget_problems(config: Config, database: Database) -> Iterator[Problem]:
    """Give what contradicts a budget, or each other, each at its key."""
    yield from _figures(config.privacy)
    if config.privacy.epsilon is None:
        return
    names = {t.name for t in database.tables}
    of_default = [n for n in names if _said(config, n).model is None and _said(config, n).mode == "synthesize"]
    if config.defaults.model == "gan" and of_default:
        yield Problem(("defaults", "model"), f"{_ONLY_VAE}'gan'; write vae, or leave privacy.epsilon out")
    for name, said in config.tables.items():
        if name in names:
            yield from _of_table(("tables", name), said)


def budgeted(column: ColumnPlan, keys: tuple[ForeignKey, ...]) -> ColumnPlan:
    """Add to a column's reason what a budget changes for it."""
    if column.fate == "learn" and any(column.name in k.columns for k in keys):
        said = "parents are drawn evenly, whatever their number of children"
    else:
        said = _TURNED_OFF.get(column.fate, "")
        said = "texts are made up, of whatever shape" if column.kind == "text" and column.fate == "learn" else said
    return column.model_copy(update={"reason": f"{column.reason}; under privacy.epsilon {said}"}) if said else column


def _figures(privacy: PrivacyConfig) -> Iterator[Problem]:
    epsilon, delta, most = privacy.epsilon, privacy.delta, privacy.epsilon_max
    if epsilon is not None and delta is None:
        what = "must stand beside privacy.delta, however that is not there; write one below one in the rows of the"
        yield Problem(("privacy", "epsilon"), f"{what} largest table, such as delta: 1e-7, and keep it for good")
    if epsilon is None:
        for name, value in (("delta", delta), ("epsilon_max", most)):
            if value is not None:
                what = "must stand beside privacy.epsilon, however that is not there; write it, or take this key out"
                yield Problem(("privacy", name), what)
    elif most is not None and most < epsilon:
        what = f"must be at least privacy.epsilon, {epsilon:g}, which one training costs, however: {most:g}"
        yield Problem(("privacy", "epsilon_max"), what)


def _of_table(here: KeyPath, said: TableConfig) -> Iterator[Problem]:
    if said.mode != "synthesize":
        return
    if said.model == "gan":
        yield Problem((*here, "model"), f"{_ONLY_VAE}'gan'; write vae, or leave privacy.epsilon out")
    for name, column in said.columns.items():
        if column.as_is:
            what = "must be left out under privacy.epsilon, for real values are not paid for; use mint, fake or null"
            yield Problem((*here, "columns", name, "copy"), what)


def _said(config: Config, table: str) -> TableConfig:
    return config.tables.get(table, TableConfig())


_ONLY_VAE = "must be vae under privacy.epsilon, for a critic's work cannot be paid for, however: "
_TURNED_OFF: Mapping[str, str] = {
    "learn": "by noisy counts and gradients",
    "mint": "nothing of the original is read",
}
"""What a reason says further, by fate."""
