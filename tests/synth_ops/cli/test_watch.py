import io

from rich.console import Console

from synth_ops.cli.watch import LineWatcher, LiveWatcher
from synth_ops.records import ProgressEvent


def test_a_log_gets_one_line_a_phase_whatever_the_epochs() -> None:
    assert _lines(per_step=False) == ["train · users · epoch", "train · users · writing", "sample · all tables"]


def test_quiet_log_gets_one_line_a_step() -> None:
    assert _lines(per_step=True) == ["train", "sample"]


def test_live_table_shows_the_last_of_each_table() -> None:
    watcher = LiveWatcher()
    for event in (*EVENTS, ProgressEvent(step="train", table="x", phase="epoch 7", loss=1.5, epoch=7, eta_seconds=75)):
        watcher(event)
    console = Console(file=io.StringIO(), width=100)
    console.print(watcher.render())
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above

    assert "writing" in shown
    assert "epoch 7" in shown
    assert "1.500" in shown
    assert "1 min 15 s" in shown


EVENTS = (
    ProgressEvent(step="train", table="users", phase="epoch 1", epoch=1),
    ProgressEvent(step="train", table="users", phase="epoch 2", epoch=2),
    ProgressEvent(step="train", table="users", phase="writing"),
    ProgressEvent(step="sample"),
)


def _lines(*, per_step: bool) -> list[str]:
    file = io.StringIO()
    watcher = LineWatcher(Console(file=file, highlight=False), per_step)
    for event in EVENTS:
        watcher(event)
    return file.getvalue().splitlines()
