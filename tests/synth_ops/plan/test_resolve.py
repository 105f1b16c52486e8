import re
from pathlib import Path

import pytest

from synth_ops.errors import PlanError
from synth_ops.plan import Plan, load_config, resolve
from synth_ops.plan.personal import personal_data
from synth_ops.schema import Column, Database, ForeignKey, Table

HEAD = "dataset: shop\nsource: ${SHOP_URL}\npublish: out\ntables:\n"


def column(name: str, source_type: str = "text", arrow_type: str = "string", **more: object) -> Column:
    return Column.model_validate({"name": name, "source_type": source_type, "arrow_type": arrow_type, **more})


USERS = Table(
    name="users",
    columns=(
        column("id", "integer", "int64", nullable=False, identity=True),
        column("email", nullable=False),
        column("plan", "mood", enum=("free", "paid")),
        column("born", "date", "date32"),
        column("tags", "jsonb"),
        column("raw", "bytea", "binary", nullable=False),
        column("seen_from", "inet"),
        column("api", "uuid", "string"),
        column("active", "boolean", "bool"),
        column("spent", "numeric(12,2)", "decimal128(12, 2)"),
        column("wakes", "time", "time64[us]"),
        column("wait", "interval", "duration[us]"),
        column("nick_len", "integer", "int32", generated="length(email)"),
        column("code", "character varying(12)"),
        column("city"),
    ),
    primary_key=("id",),
    unique=(("email",), ("code",)),
)
VISITS = Table(
    name="visits",
    columns=(
        column("user_id", "integer", "int64", nullable=False),
        column("day", "date", "date32", nullable=False),
        column("line", "integer", "int32", nullable=False),
        column("owner_email"),
        column("friend", "integer", "int32"),
    ),
    primary_key=("user_id", "day", "line"),
    foreign_keys=(ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",)),),
)
DATABASE = Database(tables=(USERS, VISITS))


def planned(folder: Path, tables: str = "  users: {}\n") -> Plan:
    path = folder / "synth.yaml"
    path.write_text(HEAD + tables)
    return resolve(load_config(path), DATABASE)


@pytest.mark.parametrize(
    ("table", "name", "fate", "kind", "provider", "reason"),
    [
        ("users", "id", "mint", "numeric", None, "primary key"),
        ("users", "email", "fake", "auto", "email", "looks like an e-mail address"),
        ("users", "plan", "learn", "categorical", None, "enumerated type"),
        ("users", "born", "learn", "datetime", None, "date column"),
        ("users", "tags", "null", "auto", None, "jsonb is not learned"),
        ("users", "raw", "mint", "auto", None, "bytea is not learned"),
        ("users", "seen_from", "fake", "auto", "ipv4", "inet is a network address"),
        ("users", "api", "mint", "auto", None, "random identifier"),
        ("users", "active", "learn", "boolean", None, "boolean column"),
        ("users", "spent", "learn", "numeric", None, "numeric(12,2) column"),
        ("users", "wakes", "learn", "time", None, "time column"),
        ("users", "wait", "learn", "numeric", None, "interval column"),
        ("users", "nick_len", "learn", "numeric", None, "generated in the source; learned as any other column"),
        ("users", "code", "mint", "auto", None, "unique"),
        ("users", "city", "learn", "auto", None, "text column"),
        ("visits", "user_id", "learn", "numeric", None, "foreign key to users"),
        ("visits", "day", "learn", "datetime", None, "part of the primary key"),
        ("visits", "line", "mint", "numeric", None, "part of the primary key"),
        ("visits", "owner_email", "fake", "auto", "email", "looks like an e-mail address"),
    ],
)
def test_safe_thing(
    tmp_path: Path, table: str, name: str, fate: str, kind: str, provider: str | None, reason: str
) -> None:
    found = planned(tmp_path).table(table).column(name)

    assert (found.fate, found.kind, found.provider, found.reason) == (fate, kind, provider, reason)


def test_word_in_the_file_wins_over_every_rule(tmp_path: Path) -> None:
    plan = planned(tmp_path, "  users: {columns: {email: {kind: text}, city: {fake: city}, code: {mint: true}}}\n")
    users = plan.table("users")

    assert (users.column("email").fate, users.column("email").kind) == ("learn", "text")
    assert (users.column("city").fate, users.column("city").provider) == ("fake", "city")
    assert {users.column(c).reason for c in ("email", "city", "code")} == {"declared in synth.yaml"}


def test_defaults_hold_where_a_table_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "synth.yaml"
    path.write_text(
        "dataset: s\nsource: x\npublish: o\ndefaults: {model: vae, rows: 0.5, time_budget: 5m}\n"
        "tables:\n  users: {model: vae, rows: 7}\n"
    )
    plan = resolve(load_config(path), DATABASE)

    assert [(t.model, t.rows, t.time_budget_seconds) for t in plan.tables] == [("vae", 7, 300), ("vae", 0.5, 300)]


def test_copied_table_copies_every_column(tmp_path: Path) -> None:
    assert {c.fate for c in planned(tmp_path, "  users: {mode: copy}\n").table("users").columns} == {"copy"}


def test_soft_key_takes_the_parents_primary_key_and_makes_its_column_a_reference(tmp_path: Path) -> None:
    plan = planned(tmp_path, "  visits: {foreign_keys: [{columns: [friend], references: users}]}\n")
    soft = plan.table("visits").foreign_keys[1]

    assert (soft.columns, soft.ref_columns, soft.soft) == (("friend",), ("id",), True)
    assert plan.table("visits").column("friend").reason == "foreign key to users"


def test_soft_key_that_is_declared_too_is_declared(tmp_path: Path) -> None:
    plan = planned(tmp_path, "  visits: {foreign_keys: [{columns: [user_id], references: users}]}\n")

    assert [k.soft for k in plan.table("visits").foreign_keys] == [False]


def test_plan_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://bo:hunter2@db/shop")

    assert "hunter2" not in planned(tmp_path).model_dump_json()


@pytest.mark.parametrize(
    ("tables", "line", "words"),
    [
        ("  user: {}\n", 5, ["tables.user", "'users'"]),
        ("  users:\n    columns:\n      emial: {fake: email}\n", 7, ["'emial'", "'email'"]),
        ("  users:\n    columns:\n      email: {fake: emial}\n", 7, ["provider", "'email'"]),
        ("  users:\n    columns:\n      born: {fake: email}\n", 7, ["text column", "date"]),
        ("  users:\n    columns:\n      born: {kind: numeric}\n", 7, ["datetime", "'numeric'"]),
        ("  users:\n    columns:\n      tags: {kind: text}\n", 7, ["no model learns it"]),
        ("  users:\n    columns:\n      raw: {null: true}\n", 7, ["not null"]),
        ("  users:\n    columns:\n      code: {copy: true}\n", 7, ["key"]),
        ("  users:\n    columns:\n      code: {fake: word, mint: true}\n", 7, ["one fate"]),
        ("  visits:\n    foreign_keys:\n      - {columns: [friend], references: usres}\n", 7, ["'users'"]),
        ("  visits:\n    foreign_keys:\n      - {columns: [frend], references: users}\n", 7, ["'friend'"]),
        ("  visits:\n    foreign_keys:\n      - columns: [day]\n        references: users\n", 7, ["one type"]),
        (
            (
                "  visits:\n    foreign_keys:\n      - columns: [friend]\n        references: users\n"
                "        ref_columns: [idd]\n"
            ),
            9,
            ["'id'"],
        ),
        ("  users:\n    foreign_keys:\n      - {columns: [id], references: visits}\n", 7, ["as many columns"]),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_with_its_line(
    tmp_path: Path, tables: str, line: int, words: list[str]
) -> None:
    with pytest.raises(PlanError, match=re.escape(f"{tmp_path / 'synth.yaml'}:{line}: ")) as caught:
        planned(tmp_path, tables)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("E-Mail", "email"),
        ("workPhone", "phone_number"),
        ("iban", "iban"),
        ("card_number", "credit_card_number"),
        ("client_ip", "ipv4"),
        ("FirstName", "first_name"),
        ("lname", "last_name"),
        ("nameFirst", "first_name"),
        ("name_last", "last_name"),
        ("customer_name", "name"),
        ("username", "user_name"),
        ("billing_address", "address"),
        ("ssn", "ssn"),
        ("password_hash", None),
        ("homepage", "url"),
        ("notes", "text"),
    ],
)
def test_name_speaks_of_a_person(name: str, provider: str | None) -> None:
    found = personal_data(name, [name])

    assert found is not None
    assert found.provider == provider


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "city",
        "email_verified",
        "phone_count",
        "address_type",
        "zip",
        "description_id",
        "tip",
        "ship",
        "vinyl",
        "token_count",
        "tailnum",
        "carrier",
        "model",
        "manufacturer",
        "state",
        "country",
        "company_name",
    ],
)
def test_name_speaks_of_no_person(name: str) -> None:
    assert personal_data(name, [name]) is None
