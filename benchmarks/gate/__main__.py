"""``python benchmarks/gate`` tries the gate."""

import sys
from pathlib import Path

# Python puts this folder on the path; the package lies in the one above.
sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":  # processes that measure import this file too
    from gate.command import main

    main()
