"""Live progress on stderr: a table that moves for a person, plain lines for a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from synth_ops.records import Progress, ProgressEvent

REFRESHES_PER_SECOND = 4
WHOLE = "all tables"
COLUMNS = ("table", "step", "phase", "", "epoch", "loss", "ETA")


@contextmanager
def watching(*, quiet: bool) -> Iterator[Progress]:
    """Give a watcher of progress that fits where stderr goes."""
    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        yield LineWatcher(console, per_step=quiet)
        return
    watcher = LiveWatcher()
    with Live(console=console, get_renderable=watcher.render, refresh_per_second=REFRESHES_PER_SECOND):
        yield watcher


@dataclass
class LineWatcher:
    """Prints a line when a phase begins, or only when a step does."""

    console: Console
    per_step: bool
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def __call__(self, event: ProgressEvent) -> None:
        """Take note of an event, and print it if it is the first of its kind."""
        phase = event.phase.rstrip("0123456789 ")  # "epoch 3" is no other phase than "epoch 2"
        mark = (event.step,) if self.per_step else (event.step, event.table or WHOLE, phase)
        if mark not in self.seen:
            self.seen.add(mark)
            self.console.print(" · ".join(part for part in mark if part), markup=False, soft_wrap=True)


@dataclass
class LiveWatcher:
    """Keeps the last event of each table, and draws them all."""

    last: dict[str, ProgressEvent] = field(default_factory=dict)

    def __call__(self, event: ProgressEvent) -> None:
        """Take note of an event; it is drawn with the next frame."""
        self.last[event.table or WHOLE] = event

    def render(self) -> Table:
        """Draw one row a table."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in COLUMNS:
            table.add_column(name, justify="right" if name in COLUMNS[-3:] else "left", no_wrap=True)
        for name, event in self.last.items():
            bar = ProgressBar(total=1.0, completed=min(max(event.done, 0.0), 1.0), width=16)
            table.add_row(name, event.step, event.phase, bar, *_figures(event))
        return table


def _figures(event: ProgressEvent) -> tuple[str, str, str]:
    epoch = "" if event.epoch is None else str(event.epoch)
    loss = "" if event.loss is None else f"{event.loss:.3f}"
    return epoch, loss, "" if event.eta_seconds is None else duration(event.eta_seconds)


def duration(seconds: float) -> str:
    """Write a duration as a person reads it.

    >>> duration(0.42), duration(75), duration(7300)
    ('0.4 s', '1 min 15 s', '2 h 01 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rest} s"  # noqa: PLR2004 — tenths matter below ten seconds
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02d} min" if hours else f"{minutes} min {rest:02d} s"
