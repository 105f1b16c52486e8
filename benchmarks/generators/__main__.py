"""``python benchmarks/generators`` runs the benchmark."""

import sys
from pathlib import Path

# Python puts this folder on the path; the package and `measure` lie in the one above.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from generators.command import main  # noqa: E402 — found by the line above

main()
