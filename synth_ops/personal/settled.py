"""Columns that are learned because nobody said anything of them, and what stops the night when one looks personal."""

from collections.abc import Mapping, Sequence

from synth_ops.errors import PersonalFound
from synth_ops.personal.find import find_personal, looked_at
from synth_ops.personal.sample import Sampler
from synth_ops.plan.config import ColumnConfig, Config
from synth_ops.plan.finding import Finding
from synth_ops.plan.plan import TablePlan
from synth_ops.records import Suspect


def unsettled(config: Config, table: TablePlan) -> tuple[str, ...]:
    """Give the columns that are learned by default and whose values may speak of persons.

    A reference is none of them: it is drawn among the parent's new keys.
    """
    if table.mode != "synthesize":
        return ()
    said = config.tables[table.name].columns if table.name in config.tables else {}
    refers = {name for key in table.foreign_keys for name in key.columns}
    settled = refers | {name for name, column in said.items() if column != ColumnConfig()}
    return tuple(n for n in looked_at(table.table) if table.column(n).fate == "learn" and n not in settled)


def suspects_among(samplers: Mapping[str, Sampler], tables: Sequence[TablePlan]) -> tuple[Suspect, ...]:
    """Give the sampled columns that look personal."""
    return tuple(
        Suspect(table=table.name, column=column, reason=finding.reason, word=finding.word)
        for table in tables
        if table.name in samplers
        for column, finding in _found(table, samplers[table.name]).items()
    )


def _found(table: TablePlan, sampler: Sampler) -> dict[str, Finding]:
    return find_personal(table.table, sampler.samples())


def refuse_unsettled(suspects: Sequence[Suspect], where: str) -> None:
    """See that no column is learned by default that looks personal; `where` is the file that can settle it.

    Raises:
        PersonalFound: there is one; the message names each, and the two words that would settle it.
    """
    if not suspects:
        return
    count = "one does" if len(suspects) == 1 else f"{len(suspects)} do"
    lines = [
        f"  column {s.column!r} of table {s.table!r}: {s.reason}; {s.word} keeps it from the model,"
        " {kind: auto} learns it all the same"
        for s in suspects
    ]
    headline = (
        f"No column may look personal that is learned only because nothing is said of it, however {count}."
        f" Nothing was learned. Say one of two words under tables: <table>: columns: in {where}, and run the same"
        " command again:"
    )
    raise PersonalFound("\n".join((headline, *lines)))
