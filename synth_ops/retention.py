"""What is deleted once a night is published: real rows of the nights before, work files, old models."""

import shutil
import time
from pathlib import Path

from synth_ops.records import Trained
from synth_ops.workspace import Workspace, read_record

KEPT_MODELS = 3
UNDER_WAY_SECONDS = 24 * 3600
"""How long after it was read a night that is not published yet keeps its rows."""


def forget(workspace: Workspace) -> None:
    """Delete what is no longer needed once the night is published; records and plans stay.

    Other nights that are under way keep what they need: orchestrators may run several beside one another.
    """
    _delete(workspace.work)
    under_way = [other for other in workspace.other_nights() if _is_under_way(other)]
    for earlier in workspace.earlier_nights():
        if earlier not in under_way:
            for folder in (earlier.private_night / "real", earlier.work, earlier.steps):
                _delete(folder)
    in_use = {model for night in (workspace, *under_way) for model in _models_in_use(night)}
    for table in _folders(workspace.private / "models"):
        for model in _old_models(table):
            if model.name not in in_use:
                _delete(model)


def _is_under_way(night: Workspace) -> bool:
    """Tell whether the night may still be published: it was read less than a day ago, and is not published yet."""
    extracted = night.record("extract")
    if night.record("publish").is_file() or not extracted.is_file():
        return False
    return time.time() - extracted.stat().st_mtime < UNDER_WAY_SECONDS


def _models_in_use(workspace: Workspace) -> set[str | None]:
    trained = read_record(workspace.record("train"), Trained)
    return {t.model_id for t in trained.tables} if trained else set()


def _old_models(table: Path) -> list[Path]:
    """Give a table's models but the newest few."""
    newest_first = sorted(_folders(table), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
    return newest_first[KEPT_MODELS:]


def _folders(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")] if path.is_dir() else []


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
