"""What is deleted once a night is published: real rows of the nights before, work files, old models."""

import shutil
from pathlib import Path

from synth_ops.records import Trained
from synth_ops.workspace import Workspace, read_record

KEPT_MODELS = 3


def forget(workspace: Workspace) -> None:
    """Delete what is no longer needed once the night is published; records and plans stay."""
    _delete(workspace.work)
    for earlier in workspace.earlier_nights():
        _delete(earlier.private_night / "real")
        _delete(earlier.work)
    in_use = _models_in_use(workspace)
    for table in _folders(workspace.private / "models"):
        for model in _old_models(table):
            if model.name not in in_use:
                _delete(model)


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
