from pathlib import Path

from typer.testing import CliRunner

from synth_ops.cli.app import app
from tests.synth_ops.shop import build_shop


def test_a_plan_says_whose_each_tables_rows_are(tmp_path: Path) -> None:
    plan = build_shop(tmp_path)
    users = "  users:\n"
    plan.write_text(plan.read_text().replace(users, f"{users}    entity: age\n"))

    shown = CliRunner().invoke(app, ["plan", "--config", str(plan)]).output

    assert "\norders (each row belongs to users, by user_id)\n" in shown
    assert "\nusers (each row belongs to its age)\n" in shown
