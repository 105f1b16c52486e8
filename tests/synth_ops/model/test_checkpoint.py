from pathlib import Path

import torch

from synth_ops.model.checkpoint import load_checkpoint, save_checkpoint, under

CPU = torch.device("cpu")


def test_what_is_saved_comes_back_and_replaces_what_was_before(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, {"a/x": torch.zeros(2)}, {"best": 3.0})
    save_checkpoint(tmp_path, 2, {"a/x": torch.ones(2), "b/x": torch.zeros(1)}, {"best": 2.0})

    found = load_checkpoint(tmp_path, CPU)

    assert found is not None
    assert found[1] == {"best": 2.0}
    assert torch.equal(under(found[0], "a/")["x"], torch.ones(2))
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["2.safetensors"]


def test_a_state_whose_tensors_are_gone_is_none(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, {"x": torch.zeros(2)}, {})
    (tmp_path / "1.safetensors").unlink()

    assert load_checkpoint(tmp_path, CPU) is None
