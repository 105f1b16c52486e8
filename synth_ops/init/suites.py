"""The suites of a project that is there: those it lacks, and what the others should become."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from synth_ops.init.candidates import look
from synth_ops.init.writing import writing
from synth_ops.plan import Plan, load_config, resolve
from synth_ops.settings import expand
from synth_ops.source import open_source

if TYPE_CHECKING:
    from synth_ops.expectations import SuggestedSuite


def suggest(
    config_path: Path, *, tables: tuple[str, ...] | None = None, write: bool = False
) -> tuple["SuggestedSuite", ...]:
    """Look at the source, and give what each table's suite should become; nothing is written without `write`.

    What a person added, edited or deleted stays so; a file that does not parse is refused by name and left alone.

    Raises:
        PlanError: there is no such plan or table, or the plan does not fit the source.
        SourceError: the database did not answer.
        OutsideError: the folder of the suites cannot be written.
    """
    from synth_ops.expectations import suggest_suites  # loads what measuring needs
    from synth_ops.train import check_chosen

    plan, n_rows = _look(config_path)
    check_chosen(plan, tables)
    folder = Path(plan.expectations)
    with writing(folder):
        return suggest_suites(folder, plan, n_rows, tables=tables, write=write)


def write_missing_suites(config_path: Path) -> tuple[Path, ...]:
    """Write the suites that an existing project lacks, and touch nothing else; give the files written.

    Raises:
        PlanError: there is no such plan, or it does not fit the source.
        SourceError: the database did not answer.
        OutsideError: the folder of the suites cannot be written.
    """
    from synth_ops.expectations import write_suites  # loads what measuring needs

    plan, n_rows = _look(config_path)
    folder = Path(plan.expectations)
    with writing(folder):
        return tuple(write_suites(folder, plan, n_rows))


def _look(config_path: Path) -> tuple[Plan, Mapping[str, int]]:
    """Give tonight's plan, and how many rows each table has."""
    config = load_config(config_path)
    with open_source(expand(config.source)) as source:
        database = source.database()
        plan = resolve(config, database)
        seen = look(source, database, ())
    return plan, {name: s.n_rows for name, s in seen.items()}
