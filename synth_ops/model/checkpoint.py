"""A training's state on disk: tensors in one file, the rest in another that names it, so that none is half there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from synth_ops.workspace import staged, write_text


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Leave the state of a training after that step, and drop the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{step}.safetensors"
    with staged(folder / name) as part:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part)
    write_text(folder / "state.json", json.dumps({"tensors": name, **state}))
    for old in folder.glob("*.safetensors"):
        if old.name != name:
            old.unlink()


def load_checkpoint(folder: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Give the tensors and the rest of what was left, or None where there is nothing whole."""
    try:
        state = json.loads((folder / "state.json").read_text())
        return load_file(folder / state.pop("tensors"), device=str(device)), state
    except (OSError, ValueError, KeyError, SafetensorError):
        return None


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Give the tensors whose names begin so, without that beginning."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
