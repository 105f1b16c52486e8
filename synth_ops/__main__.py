"""``python -m synth_ops`` is ``synth-ops``."""

from synth_ops.cli import main

main()
