from synth_ops.plan.plan import ColumnPlan, TablePlan
from synth_ops.report.listing import list_plan
from synth_ops.schema import Column, ForeignKey, Table
from tests.synth_ops.report.toys import plan_of

TABLE = TablePlan(
    name="orders",
    model="gan",
    rows=0.5,
    time_budget_seconds=300.0,
    foreign_keys=(ForeignKey(columns=("user_id",), ref_table="users", ref_columns=("id",), soft=True),),
    columns=(
        ColumnPlan(name="id", fate="mint", reason="primary key"),
        ColumnPlan(name="email", fate="fake", provider="email", reason="looks like an e-mail address"),
        ColumnPlan(name="state", fate="learn", kind="categorical", reason="enumerated type"),
    ),
    table=Table(
        name="orders",
        columns=(
            Column(name="id", source_type="bigint", arrow_type="int64", default="'secret default'"),
            Column(name="email", source_type="text", arrow_type="string"),
            Column(name="state", source_type="ENUM('new', 'secret')", arrow_type="string", enum=("new", "secret")),
        ),
        primary_key=("id",),
    ),
)


def test_every_table_column_and_threshold_is_listed() -> None:
    assert list_plan(plan_of(TABLE)).splitlines()[2:] == [
        "privacy:",
        "  rare_below: 10",
        "  holdout: 0.2",
        "  clip_extremes: true",
        "policy:",
        "  reuse_below:",
        "    novelty: 0.005",
        "    nats: 0.01",
        "  retrain_above:",
        "    novelty: 0.5",
        "    nats: 1.0",
        "tables:",
        "  orders:",
        "    mode: synthesize",
        "    model: gan",
        "    rows: 0.5",
        "    time_budget_seconds: 300.0",
        "    key_offset: 1",
        "    entity:",
        "      columns: []",
        "      reason: each row is its own",
        "    primary_key: [id]",
        "    foreign_keys:",
        "      - [user_id] -> users [id]  # soft: orphans are allowed",
        "    columns:",
        "      id:    mint                # bigint: primary key",
        "      email: fake email          # text: looks like an e-mail address",
        "      state: learn categorical   # ENUM(…): enumerated type",
    ]


def test_no_address_no_label_and_no_default_is_listed() -> None:
    listing = list_plan(plan_of(TABLE))

    assert "URL" not in listing
    assert "/p" not in listing
    assert "secret" not in listing
