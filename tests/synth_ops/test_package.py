"""The one door of the package: what it offers is there, and opening it costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import synth_ops

LOADED = """
import sys
before = set(sys.modules)
import synth_ops
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


def test_all_is_what_type_checkers_are_told() -> None:
    tree = ast.parse(Path(synth_ops.__file__).read_text(encoding="utf-8"))
    told = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}

    assert set(synth_ops.__all__) == told - {"Mapping", "import_module", "TYPE_CHECKING"} | {"__version__"}
    assert dir(synth_ops) == sorted(synth_ops.__all__) == synth_ops.__all__


def test_every_public_name_is_there() -> None:
    assert all(getattr(synth_ops, name) is not None for name in synth_ops.__all__)


def test_no_other_name_is_there() -> None:
    assert not hasattr(synth_ops, "no_such_name")


def test_import_loads_nothing_beyond_the_standard_library() -> None:
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["synth_ops"]
