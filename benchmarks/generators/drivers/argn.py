"""Fit and sample mostlyai-engine's TabularARGN, as its documentation shows."""

import tempfile
from importlib.metadata import version
from pathlib import Path

from generators.drivers.contract import answer, read_order


def main() -> None:
    order = read_order()
    watch = order.watch()
    import pandas as pd
    from mostlyai import engine

    rows = pd.read_parquet(order.train)
    limits = {"max_epochs": order.options["epochs"]} if "epochs" in order.options else {}
    with tempfile.TemporaryDirectory() as scratch:
        engine.set_random_state(0)
        engine.split(workspace_dir=scratch, tgt_data=rows, model_type="TABULAR")
        engine.analyze(workspace_dir=scratch)
        engine.encode(workspace_dir=scratch)
        engine.train(workspace_dir=scratch, **limits)
        watch.lap("fit")
        engine.generate(workspace_dir=scratch, sample_size=len(rows))
        watch.lap("sample")
        synthetic = pd.read_parquet(Path(scratch) / "SyntheticData")
    synthetic.to_parquet(order.synthetic, index=False)
    answer(version("mostlyai-engine"), len(synthetic), watch.laps)


if __name__ == "__main__":
    main()
