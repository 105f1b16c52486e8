import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synth_ops.encode import FitRules, TableCodec
from synth_ops.errors import PlanError
from synth_ops.model import TrainingConfig, fit_synthesizer
from synth_ops.model.config import NetworkConfig
from synth_ops.plan.plan import Plan
from synth_ops.records import Extracted, ExtractedTable, Sampled, SampledTable, Trained, TrainedTable, no_progress
from synth_ops.relate import Relations, augment
from synth_ops.sample import sample, sample_job
from synth_ops.shards import CHUNK
from synth_ops.worker import JobSpec
from synth_ops.workspace import Workspace, read_record, sha256_of, write_record, write_text
from synth_ops.workspace.models import staged_model
from tests.synth_ops.relate.databases import Real, is_distinct, key, n_broken, plan_of, rows_of, table

SMALL = TrainingConfig(
    n_epochs=2, batch_size=64, network=NetworkConfig(d_embedding=4, d_hidden=32, d_latent=2, d_recognition=16)
)
KEYS = [key("customer_id", "customer", "id"), key("kind", "kind", "code")]


def shop() -> tuple[Plan, Real]:
    rng = np.random.default_rng(0)
    real = {
        "customer": rows_of("id", id=np.arange(120), age=rng.integers(18, 80, 120), city=["x", "y", "z"] * 40),
        "kind": rows_of("code", code=["new", "old"], title=["New", "Old"]),
        "order": rows_of(
            "id,customer_id,total",
            id=np.arange(400),
            customer_id=rng.integers(0, 120, 400),
            kind=pa.array(rng.choice(["new", "old"], 400), mask=rng.random(400) < 0.1),
            total=rng.random(400).round(2),
            weight=rng.normal(size=400),
        ),
        "reading": rows_of("id", id=np.arange(300), level=rng.normal(size=300), unit=["a", "b", "c"] * 100),
        "pair": rows_of("left,right", left=np.arange(90) % 10, right=np.arange(90) // 10, size=rng.normal(size=90)),
        "nothing": rows_of("id", id=pa.array([], pa.int64()), note=pa.array([], pa.string())),
        "only_key": rows_of("id", id=np.arange(7)),
    }
    return plan_of(
        table("customer", real["customer"], "id"),
        table("kind", real["kind"], "code", mode="copy"),
        table("order", real["order"], "id", KEYS),
        table("reading", real["reading"], "id"),
        table("pair", real["pair"], unique=[("left", "right")]),
        table("nothing", real["nothing"], "id"),
        table("only_key", real["only_key"], "id"),
    ), real


def trained_night(root: Path, *, times: float = 1.0) -> Workspace:
    """Leave what extract and train leave, where the copy shall have that many times the rows."""
    workspace = Workspace(root, "shop", "2026-01-31").prepare()
    plan, real = shop()
    plan = plan.model_copy(update={"tables": tuple(t.model_copy(update={"rows": times}) for t in plan.tables)})
    for name, rows in real.items():
        pq.write_table(rows, workspace.real(name))
    write_record(workspace.plan, plan)
    found = tuple(
        ExtractedTable(name=n, path=str(workspace.real(n)), n_rows=t.num_rows, fingerprint=n) for n, t in real.items()
    )
    write_record(workspace.record("extract"), Extracted(night="2026-01-31", tables=found, fingerprint="f", seconds=0.0))
    trained = tuple(_train(workspace, plan, t.name, real) for t in plan.tables)
    write_record(workspace.record("train"), Trained(night="2026-01-31", tables=trained, seconds=0.0))
    return workspace


def _train(workspace: Workspace, plan: Plan, name: str, real: Real) -> TrainedTable:
    if plan.table(name).mode == "copy":
        return TrainedTable(name=name, decision="copy", reason="test")
    augmented = augment(plan, name, real, Relations.of(plan, {n: t.num_rows for n, t in real.items()}))
    codec = TableCodec.fit(augmented.table, augmented.kinds, FitRules(rare_below=5, seed=0))
    n_context = sum(len(codec.layout.of(c)) for c in augmented.context)
    codes = np.ascontiguousarray(codec.encode(augmented.table))
    synthesizer, _ = fit_synthesizer("vae", codes, codec.layout, n_context, SMALL, device="cpu")
    with staged_model(workspace, name) as staged:
        synthesizer.save(staged.folder)
        write_text(staged.folder / "codec.json", json.dumps(codec.to_json()))
        write_record(staged.folder / "relations.json", augmented.spec)
    return TrainedTable(name=name, decision="retrain", reason="test", model_id=staged.model_id)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return trained_night(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def sampled(night: Workspace) -> Sampled:
    return sample(night, device="cpu")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A night whose copy has three chunks of orders and of readings."""
    return trained_night(tmp_path_factory.mktemp("large"), times=120.0)


def sample_large(large: Workspace, n_shards: int) -> dict[str, SampledTable]:
    options = {"n_shards": n_shards}
    spec = JobSpec(
        job="sample", root=str(large.root), dataset="shop", night=large.night, device="cpu", seed=1, options=options
    )
    return {t.name: t for t in sample_job(spec, no_progress).tables}


@pytest.fixture
def copy(night: Workspace, sampled: Sampled) -> dict[str, pa.Table]:
    return {t.name: pq.read_table(t.path) for t in sampled.tables}


def test_every_table_has_as_many_rows_as_the_source(sampled: Sampled) -> None:
    """But one, whose pairs must differ: there may be fewer to be found."""
    found = {t.name: t.n_rows for t in sampled.tables if t.name != "pair"}

    assert found == {n: t.num_rows for n, t in shop()[1].items() if n != "pair"}


def test_a_table_that_grew_under_a_reused_model_has_tonights_rows(tmp_path: Path) -> None:
    night = trained_night(tmp_path)
    extracted = read_record(night.record("extract"), Extracted)
    assert extracted is not None
    grown = tuple(t.model_copy(update={"n_rows": 3 * t.n_rows}) for t in extracted.tables)
    write_record(night.record("extract"), extracted.model_copy(update={"tables": grown, "fingerprint": "g"}))
    found = {t.name: t for t in sample(night, device="cpu").tables}

    assert [found[n].n_rows for n in ("customer", "order", "reading")] == [360, 1200, 900]
    assert n_broken({n: pq.read_table(t.path) for n, t in found.items()}, "order", KEYS[0]) == 0


def test_declared_keys_resolve(copy: dict[str, pa.Table]) -> None:
    assert [n_broken(copy, "order", k) for k in KEYS] == [0, 0]


def test_types_and_nullability_are_the_source_s(copy: dict[str, pa.Table]) -> None:
    assert all(copy[name].schema == rows.schema for name, rows in shop()[1].items())


def test_a_copied_table_is_as_it_was(copy: dict[str, pa.Table]) -> None:
    assert copy["kind"].equals(shop()[1]["kind"])


def test_the_record_is_left_and_names_whole_files(night: Workspace, sampled: Sampled) -> None:
    record = read_record(night.record("sample"), Sampled)

    assert record is not None
    assert record.tables == sampled.tables
    assert all(sha256_of(Path(t.path)) == t.sha256 for t in sampled.tables)


def test_sampling_again_finds_what_is_there(night: Workspace, sampled: Sampled) -> None:
    written = Path(sampled.tables[0].path).stat().st_mtime_ns

    assert sample(night, device="cpu").tables == sampled.tables
    assert Path(sampled.tables[0].path).stat().st_mtime_ns == written


def test_a_file_that_was_lost_is_sampled_again_to_the_same_bytes(night: Workspace, sampled: Sampled) -> None:
    Path(sampled.tables[0].path).unlink()

    assert [t.sha256 for t in sample(night, device="cpu").tables] == [t.sha256 for t in sampled.tables]


def test_another_seed_gives_other_rows(night: Workspace, sampled: Sampled, tmp_path: Path) -> None:
    spec = JobSpec(job="sample", root=str(night.root), dataset="shop", night=night.night, device="cpu", seed=99)
    before = {t.name: Path(t.path).read_bytes() for t in sampled.tables}

    other = {t.name: t.sha256 for t in sample_job(spec, no_progress).tables}

    for table_ in sampled.tables:
        Path(table_.path).write_bytes(before[table_.name])
    assert other["order"] != next(t.sha256 for t in sampled.tables if t.name == "order")


def test_any_number_of_shards_gives_the_same_bytes(large: Workspace) -> None:
    made = [{n: t.sha256 for n, t in sample_large(large, k).items()} for k in (1, 2, 3)]

    assert made[0] == made[1] == made[2]


def test_no_chunk_repeats_the_rows_of_another(large: Workspace) -> None:
    """A level is drawn from an interval, so that two rows agree by a repeated seed only."""
    rows = pq.read_table(sample_large(large, 2)["reading"].path)

    assert rows.num_rows > 2 * CHUNK
    assert pc.count_distinct(rows.column("level")).as_py() > 0.999 * rows.num_rows


def test_keys_of_many_chunks_resolve_and_are_unique(large: Workspace) -> None:
    tables = {n: pq.read_table(t.path) for n, t in sample_large(large, 2).items()}

    assert [n_broken(tables, "order", k) for k in KEYS] == [0, 0]
    assert [pc.count_distinct(tables[n].column("id")).as_py() for n in ("order", "reading")] == [48_000, 36_000]


def test_rows_that_cannot_differ_are_left_out_whole(large: Workspace) -> None:
    rows = pq.read_table(sample_large(large, 1)["pair"].path)

    assert is_distinct(rows, "left,right")
    assert 50 <= rows.num_rows <= 100
    assert pc.count_distinct(rows.column("size")).as_py() > 40


def test_nothing_waits_on_disk_when_all_is_written(large: Workspace) -> None:
    sample_large(large, 1)

    assert not list(large.work.glob("*.arrows"))


def test_sampling_before_training_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="synth-ops train"):
        sample(Workspace(tmp_path, "shop", "2026-01-31").prepare())
