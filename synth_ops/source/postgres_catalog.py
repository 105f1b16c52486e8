"""What pg_catalog knows of every table, as three queries and the records made of their rows."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from synth_ops.schema import CheckConstraint, Column, ForeignKey, Table
from synth_ops.source.base import quote
from synth_ops.source.postgres_types import Declared, Reading, reading_of

Row = Mapping[str, Any]

TABLES = """
    SELECT c.oid::int8 AS oid, n.nspname::text AS namespace, c.relname::text AS relname, c.relkind::text AS kind,
           c.reltuples::int8 AS n_rows,
           CASE WHEN n.nspname = coalesce(current_schema(), 'public') THEN c.relname::text
                ELSE n.nspname || '.' || c.relname END AS name,
           obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY n.nspname <> coalesce(current_schema(), 'public'), n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
"""
"""Partitions are read through their parent, and a table that an extension brought is not production's."""

WRITES = """
    SELECT tree.oid::int8 AS oid, sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::int8 AS n_written,
           string_agg(c.relfilenode::text, ',' ORDER BY c.oid) AS files
    FROM (SELECT c.oid, coalesce(p.relid, c.oid) AS part FROM pg_catalog.pg_class c
          LEFT JOIN LATERAL pg_partition_tree(c.oid) p ON c.relkind = 'p' WHERE c.relkind IN ('r', 'p')) tree
    JOIN pg_catalog.pg_class c ON c.oid = tree.part
    JOIN pg_catalog.pg_stat_user_tables s ON s.relid = tree.part
    GROUP BY tree.oid
"""
"""What the server counted since its statistics began; a truncated or rewritten table lies in another file."""

COLUMNS = """
    WITH RECURSIVE unwrapped (oid, base, typmod, not_null, domains) AS (
        SELECT oid, oid, -1, false, ARRAY[]::oid[] FROM pg_catalog.pg_type WHERE typtype <> 'd'
        UNION ALL
        SELECT t.oid, u.base, CASE WHEN u.typmod = -1 THEN t.typtypmod ELSE u.typmod END,
               t.typnotnull OR u.not_null, u.domains || t.oid
        FROM pg_catalog.pg_type t JOIN unwrapped u ON t.typbasetype = u.oid WHERE t.typtype = 'd'
    )
    SELECT a.attrelid::int8 AS table_oid, a.attname::text AS name,
           format_type(a.atttypid, a.atttypmod) AS source_type,
           format_type(u.base, CASE WHEN u.base = a.atttypid THEN a.atttypmod ELSE u.typmod END) AS base_type,
           t.typname::text AS type_name, t.typtype::text AS type_kind,
           CASE WHEN t.typcategory = 'A' THEN e.typname::text END AS element,
           CASE WHEN t.typcategory = 'A' THEN e.typtype::text END AS element_kind,
           NOT (a.attnotnull OR u.not_null) AS nullable,
           pg_get_expr(d.adbin, d.adrelid) AS default_sql, a.attidentity::text AS identity,
           a.attgenerated::text AS generated, col_description(a.attrelid, a.attnum) AS comment,
           (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l
            WHERE l.enumtypid = u.base) AS labels,
           (SELECT array_agg(pg_get_constraintdef(k.oid) ORDER BY k.conname) FROM pg_catalog.pg_constraint k
            WHERE k.contypid = ANY (u.domains) AND k.contype = 'c') AS domain_checks
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND c.relnamespace <> 11
    JOIN unwrapped u ON u.oid = a.atttypid
    JOIN pg_catalog.pg_type t ON t.oid = u.base
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum
"""

CONSTRAINTS = """
    SELECT k.conrelid::int8 AS table_oid, k.conname::text AS name, k.contype::text AS kind,
           k.convalidated AS validated, k.confrelid::int8 AS ref_oid,
           (SELECT array_agg(a.attname::text ORDER BY o.place) FROM unnest(k.conkey) WITH ORDINALITY o (num, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.num) AS columns,
           (SELECT array_agg(a.attname::text ORDER BY o.place) FROM unnest(k.confkey) WITH ORDINALITY o (num, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = o.num) AS ref_columns,
           CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END AS expression
    FROM pg_catalog.pg_constraint k
    WHERE k.conrelid <> 0 AND k.contype IN ('p', 'f', 'c')
      AND (k.contype <> 'f' OR NOT EXISTS (
          SELECT FROM pg_catalog.pg_constraint parent
          WHERE parent.oid = k.conparentid AND parent.conrelid = k.conrelid))
    ORDER BY k.conrelid, k.contype, k.conname
"""
"""A reference to a partitioned table has a shadow to each partition, which only repeats it."""

UNIQUE = """
    SELECT i.indrelid::int8 AS table_oid,
           array_agg(a.attname::text ORDER BY o.place) AS columns
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY o (num, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = o.num
    WHERE i.indisunique AND NOT i.indisprimary AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND o.place <= i.indnkeyatts AND i.indrelid >= 16384
    GROUP BY i.indexrelid, i.indrelid
    ORDER BY i.indrelid, i.indexrelid
"""
"""Unique constraints, and unique indexes that amount to one."""


def tables_of(
    tables: Iterable[Row], columns: Iterable[Row], constraints: Iterable[Row], unique: Iterable[Row]
) -> dict[str, tuple[Table, str]]:
    """Give, by name, every table and the query that gives its rows in Arrow's terms."""
    by_table = [_by(rows, "table_oid") for rows in (columns, constraints, unique)]
    filled = [found for found in tables if found["oid"] in by_table[0]]  # a table may have no column: nothing to copy
    known = {found["oid"]: found["name"] for found in filled}
    made = {}
    for found in filled:
        parts = [group[found["oid"]] for group in by_table]
        made[found["name"]] = (_table(found, known, *parts), _select(found, parts[0]))
    return made


def _table(
    found: Row, known: Mapping[int, str], columns: list[Row], constraints: list[Row], unique: list[Row]
) -> Table:
    of_kind = _by(constraints, "kind")
    return Table(
        name=found["name"],
        namespace=found["namespace"],
        columns=tuple(map(_column, columns)),
        primary_key=tuple(of_kind["p"][0]["columns"]) if of_kind["p"] else (),
        unique=tuple(dict.fromkeys(tuple(u["columns"]) for u in unique)),
        foreign_keys=tuple(_foreign_key(k, known) for k in of_kind["f"] if k["ref_oid"] in known),
        checks=tuple(CheckConstraint(name=k["name"], expression=k["expression"]) for k in of_kind["c"])
        + tuple(check for column in columns for check in _domain_checks(column)),
        comment=found["comment"],
    )


def _column(found: Row) -> Column:
    reading = _reading(found)
    default = found["default_sql"]
    is_generated = found["generated"] != ""
    return Column(
        name=found["name"],
        source_type=found["source_type"],
        arrow_type=reading.arrow_type,
        nullable=found["nullable"],
        default=None if is_generated else default,
        identity=found["identity"] != "" or (default or "").startswith("nextval("),
        generated=default if is_generated else None,
        enum=tuple(found["labels"]) if found["type_kind"] == "e" and found["labels"] else None,
        comment=found["comment"],
        note=reading.note,
    )


def _reading(found: Row) -> Reading:
    return reading_of(
        Declared(
            name=found["type_name"],
            text=found["base_type"],
            kind=found["type_kind"],
            element=found["element"],
            element_kind=found["element_kind"],
            nullable=found["nullable"],
        )
    )


def _foreign_key(found: Row, known: Mapping[int, str]) -> ForeignKey:
    """Give a reference; one that was never validated may have orphans, so it is soft."""
    return ForeignKey(
        columns=tuple(found["columns"]),
        ref_table=known[found["ref_oid"]],
        ref_columns=tuple(found["ref_columns"]),
        soft=not found["validated"],
    )


def _domain_checks(found: Row) -> Iterable[CheckConstraint]:
    """Give a domain's checks as the column's own."""
    for position, definition in enumerate(found["domain_checks"] or ()):
        expression = definition.removeprefix("CHECK ").removesuffix(" NOT VALID")
        spelled = re.sub(r"\bVALUE\b", lambda _: quote(found["name"]), expression)
        yield CheckConstraint(name=f"{found['name']}_domain_{position}", expression=spelled)


def _select(found: Row, columns: list[Row]) -> str:
    """Give the query of a table's own rows: not those of tables that inherit from it, which are read by themselves."""
    parts = [f"{_reading(c).sql.format(c=quote(c['name']))} AS {quote(c['name'])}" for c in columns]
    only = "ONLY " if found["kind"] == "r" else ""
    table = f"{quote(found['namespace'])}.{quote(found['relname'])}"
    return f"SELECT {', '.join(parts)} FROM {only}{table}"  # noqa: S608 — all names are quoted


def _by(rows: Iterable[Row], key: str) -> Mapping[Any, list[Row]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups
