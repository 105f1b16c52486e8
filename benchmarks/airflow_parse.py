"""What our operators add to the parsing of a DAG file: a file with a task group of many tables, and an empty one.

usage: python benchmarks/airflow_parse.py [--tables 50] [--runs 5] [--python INTERPRETER]

Each file is read in fresh interpreters that have loaded what the DAG processor has loaded before it reads any: Airflow
itself. Processor time is counted, of the quickest run, for others may be at work on the machine. Files that are opened
meanwhile, other than those of installed code, are named.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LIMIT_MS = 150.0
ROOT = Path(__file__).resolve().parent.parent

EMPTY = """
from airflow.providers.common.compat.sdk import DAG

with DAG("empty", schedule=None):
    pass
"""
OURS = """
from airflow.providers.common.compat.sdk import DAG, Asset
from synth_ops.airflow import SynthRefreshOperator, synth_refresh_task_group

with DAG("one", schedule=None):
    SynthRefreshOperator(task_id="refresh", config="/nowhere/synth.yaml", outlets=[Asset("synthetic/shop")])
with DAG("group", schedule=None):
    synth_refresh_task_group(config="/nowhere/synth.yaml", tables=[f"t{{i}}" for i in range({n_tables})])
with DAG("mapped", schedule=None):
    synth_refresh_task_group(config="/nowhere/synth.yaml")
"""
PARSE = """
import json, sys, time
from airflow.providers.common.compat.sdk import DAG, BaseOperator
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
text = open(sys.argv[1]).read()
del opened[:]
began = time.process_time()
exec(compile(text, sys.argv[1], "exec"), {"__name__": "dag_file", "__file__": sys.argv[1]})
seconds = time.process_time() - began
own = (sys.prefix, sys.base_prefix, sys.argv[2], "/dev/", "/usr/share/zoneinfo")
files = [f for f in opened if f.startswith("/") and not f.startswith(own)]
heavy = [m for m in ("torch", "great_expectations", "pyarrow", "duckdb", "pandas", "numpy") if m in sys.modules]
print(json.dumps({"ms": seconds * 1000, "files": files, "heavy": heavy}))
"""


def main() -> None:
    """Parse both, and print what ours costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="that has Airflow: to try another version of it")
    args = parser.parse_args()
    args.python = str(Path(shutil.which(args.python) or args.python).absolute())
    with tempfile.TemporaryDirectory() as folder:
        empty = _least(args.python, EMPTY, args.runs, Path(folder))
        ours = _least(args.python, OURS.format(n_tables=args.tables), args.runs, Path(folder))
    added = ours["ms"] - empty["ms"]
    print(f"empty {empty['ms']:.0f} ms, ours {ours['ms']:.0f} ms: {added:.0f} ms more (limit {LIMIT_MS:.0f})")
    print(f"files that ours opened: {ours['files'][:5] or 'none'}; heavy modules: {ours['heavy'] or 'none'}")
    sys.exit(int(added > LIMIT_MS or bool(ours["files"])))


def _least(python: str, text: str, n_runs: int, folder: Path) -> dict[str, Any]:
    """Give the quickest of some parses, each in an interpreter of its own."""
    file = folder / "dag_file.py"
    file.write_text(text, encoding="utf-8")
    env = {**os.environ, "AIRFLOW_HOME": str(folder / "airflow"), "PYTHONPATH": str(ROOT)}
    found = []
    for _ in range(n_runs + 1):  # the first one writes byte code
        done = subprocess.run(
            [python, "-c", PARSE, str(file), str(ROOT / "synth_ops")],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return min(found[1:], key=lambda one: one["ms"])


if __name__ == "__main__":
    main()
