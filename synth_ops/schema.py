"""What a database looks like, without a single row: tables, columns, keys, constraints.

Sources introspect it, the plan is resolved against it, the snapshot's manifest repeats it.
"""

from collections.abc import Mapping
from functools import cached_property

from synth_ops.records import Record


class Column(Record):
    """One column as the source declares it."""

    name: str
    source_type: str
    """The source's own words: ``numeric(12,2)``, ``character varying(40)``."""
    arrow_type: str
    """The Arrow type that extract, sample and snapshot all carry, as `synth_ops.arrow_types.parse` reads it."""
    nullable: bool = True
    default: str | None = None
    identity: bool = False
    """Filled by the database: identity, serial, autoincrement."""
    generated: str | None = None
    """The expression of a generated column."""
    enum: tuple[str, ...] | None = None
    """Labels of an enumerated type, in order."""
    comment: str | None = None
    note: str | None = None
    """Why the type's fate is not the usual one, for the person who reads the plan."""


class ForeignKey(Record):
    """A reference from columns here to columns there, in matching order."""

    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]
    soft: bool = False
    """Not declared in the database: orphans are allowed and keep their share."""

    @property
    def name(self) -> str:
        """A stable name for labels and messages: ``origin,time_hour->weather``."""
        return f"{','.join(self.columns)}->{self.ref_table}"


class CheckConstraint(Record):
    """A check constraint in the source's own SQL."""

    name: str
    expression: str


class Table(Record):
    """One table as the source declares it."""

    name: str
    namespace: str | None = None
    """The database schema the table lives in, where the source has such a thing."""
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    """Unique constraints other than the primary key."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[CheckConstraint, ...] = ()
    comment: str | None = None

    def column(self, name: str) -> Column:
        """Give the column of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the source's order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def _by_name(self) -> Mapping[str, Column]:
        return {c.name: c for c in self.columns}


class Database(Record):
    """All tables of a source, in a stable order."""

    tables: tuple[Table, ...]

    def table(self, name: str) -> Table:
        """Give the table of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Table]:
        return {t.name: t for t in self.tables}
