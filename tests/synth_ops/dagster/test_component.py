import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

dg = pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from dagster.components.testing import create_defs_folder_sandbox  # noqa: E402 — after the skip

from synth_ops.dagster import SynthAsset, SynthRefreshComponent  # noqa: E402
from synth_ops.dagster.execution import Context, Runner  # noqa: E402
from synth_ops.records import Record  # noqa: E402
from synth_ops.steps import StepCall  # noqa: E402

pytestmark = [  # what Dagster's own reading of YAML warns of
    pytest.mark.filterwarnings("ignore:`parse_obj_as`"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]

TYPE = "synth_ops.dagster.SynthRefreshComponent"
CALLS: list[StepCall] = []


class OurRefresh(SynthRefreshComponent):
    """What a team makes of the component: keys of their own, and a word before each step."""

    def get_asset_spec(self, asset: SynthAsset) -> Any:
        spec = super().get_asset_spec(asset)
        return spec.replace_attributes(key=spec.key.with_prefix("ours"), owners=["team:data"])

    def execute(self, context: Context, call: StepCall, runner: Runner) -> Record:
        CALLS.append(call)
        raise dg.Failure("told", allow_retries=False)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "synth.yaml"
    path.write_text("dataset: shop\nsource: ${PROD_URL}\npublish: out\ntables: {users: {}, countries: {mode: copy}}\n")
    return path


def loaded(component: Any, attributes: dict[str, Any]) -> Iterator[Any]:
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(
            component_cls=component,
            defs_yaml_contents={"type": f"{component.__module__}.{component.__name__}", "attributes": attributes},
        )
        with sandbox.load_component_and_build_defs(defs_path=folder) as (_, definitions):
            yield definitions


def definitions_of(plan: Path, **attributes: Any) -> Any:
    return next(loaded(SynthRefreshComponent, {"config": str(plan), **attributes}))


def keys(definitions: Any) -> set[str]:
    return {k.to_user_string() for k in definitions.resolve_asset_graph().get_all_asset_keys()}


def test_three_lines_give_the_whole_graph_and_no_source_is_asked(plan: Path) -> None:
    definitions = definitions_of(plan)

    assert keys(definitions) == {
        *(f"shop/{role}/{table}" for role in ("production", "extract", "synthetic", "snapshot")
          for table in ("users", "countries")),
        "shop/model/users",
    }  # fmt: skip
    assert [s.default_status for s in definitions.schedules] == [dg.DefaultScheduleStatus.RUNNING]
    assert [s.default_status for s in definitions.sensors] == [dg.DefaultSensorStatus.STOPPED]


def test_assets_depend_on_what_they_are_made_of(plan: Path) -> None:
    graph = definitions_of(plan).resolve_asset_graph()
    parents = {
        k.to_user_string(): {p.to_user_string() for p in graph.get(k).parent_keys} for k in graph.get_all_asset_keys()
    }

    assert parents["shop/extract/users"] == {"shop/production/users"}
    assert parents["shop/model/users"] == {"shop/extract/users"}
    assert parents["shop/synthetic/users"] == {"shop/model/users"}
    assert parents["shop/synthetic/countries"] == {"shop/extract/countries"}
    assert parents["shop/snapshot/users"] == {"shop/synthetic/users"}


def test_attributes_reach_the_assets(plan: Path) -> None:
    definitions = definitions_of(
        plan,
        owners=["team:data"],
        tags={"domain": "sales"},
        group="copies",
        gpu_pool="a100",
        train_tags={"dagster-k8s/config": {"container_config": {"resources": {"limits": {"nvidia.com/gpu": 1}}}}},
        source_keys={"users": "prod/public/users"},
        fresh_hours=30,
    )
    graph = definitions.resolve_asset_graph()
    model = graph.get(dg.AssetKey(["shop", "model", "users"]))
    (train,) = [a for a in definitions.assets if getattr(a, "keys", None) == {model.key}]

    assert (model.owners, model.tags["domain"], model.group_name) == (["team:data"], "sales", "copies")
    assert train.op.pool == "a100"
    pod = json.loads(train.op.tags["dagster-k8s/config"])
    assert pod["container_config"]["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert dg.AssetKey(["prod", "public", "users"]) in graph.get(dg.AssetKey(["shop", "extract", "users"])).parent_keys
    assert graph.get(dg.AssetKey(["shop", "snapshot", "users"])).freshness_policy is not None


def test_a_table_with_a_key_of_yours_is_yours_to_define(plan: Path) -> None:
    definitions = definitions_of(plan, source_keys={"users": "prod/users", "countries": "prod/countries"})
    yours = dg.Definitions(assets=[dg.AssetSpec(["prod", "users"])])

    assert "prod/users" in keys(dg.Definitions.merge(definitions, yours))


def test_translation_in_yaml_renames_by_role_and_table(plan: Path) -> None:
    definitions = definitions_of(plan, translation={"key": "synthetic_prod/{{ role }}/{{ table }}", "group_name": "g"})

    assert "synthetic_prod/snapshot/users" in keys(definitions)


def test_hooks_of_a_subclass_are_called(plan: Path) -> None:
    CALLS.clear()
    definitions = next(loaded(OurRefresh, {"config": str(plan), "source_keys": {"users": "p/u", "countries": "p/c"}}))
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def("refresh_shop")
        run = job.execute_in_process(partition_key="2026-01-30", instance=instance, raise_on_error=False)

    assert not run.success
    assert "ours/shop/snapshot/users" in keys(definitions)
    assert [(c.step, c.night) for c in CALLS] == [("extract", "2026-01-30")]


def test_a_wrong_attribute_is_told_with_its_line(plan: Path, tmp_path: Path) -> None:
    run = dg_command(tmp_path, plan, "check", "yaml", more="  skip_unchangd: true\n")

    assert run.returncode != 0
    assert "defs.yaml:5" in run.stdout + run.stderr
    assert "skip_unchangd" in run.stdout + run.stderr


def test_the_component_is_found_by_dg(plan: Path, tmp_path: Path) -> None:
    assert TYPE in dg_command(tmp_path, plan, "list", "components", "--json").stdout


def test_a_scaffold_is_checked_without_a_word_changed(plan: Path, tmp_path: Path) -> None:
    dg_command(tmp_path, plan, "scaffold", "defs", TYPE, "copies", "--config", "../../../synth.yaml")
    written = tmp_path / "project" / "defs" / "copies" / "defs.yaml"

    assert TYPE in written.read_text()
    assert dg_command(tmp_path, plan, "check", "defs").returncode == 0


def dg_command(folder: Path, plan: Path, *words: str, more: str = "") -> "subprocess.CompletedProcess[str]":
    """Run dg in a project that holds one component."""
    package = folder / "project"
    component = package / "defs" / "shop"
    component.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(
        "from pathlib import Path\nimport dagster as dg\n@dg.definitions\ndef defs():\n"
        "    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)\n"
    )
    if not (package / "defs" / "copies").exists() and words[0] != "scaffold":
        (component / "defs.yaml").write_text(f"type: {TYPE}\n\nattributes:\n  config: {plan}\n{more}")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "project"\nversion = "0"\n[tool.dg]\ndirectory_type = "project"\n'
        '[tool.dg.project]\nroot_module = "project"\n'
    )
    dg_program = Path(sys.executable).with_name("dg")
    return subprocess.run([dg_program, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
