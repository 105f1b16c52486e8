"""Progress as lines of a log: what begins, and from time to time how far it is."""

import time
from collections.abc import Callable

from synth_ops.records import Progress, ProgressEvent

EVERY_SECONDS = 15.0


def announced(tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Give a progress that tells one line where a phase begins, and one every 15 seconds while it lasts."""
    told: dict[tuple[str, str | None], tuple[str, float]] = {}

    def progress(event: ProgressEvent) -> None:
        subject = (event.step, event.table)
        phase, at = told.get(subject, ("", 0.0))
        now = clock()
        begun = event.phase.rstrip("0123456789 ")  # epoch 3 is epoch
        if begun == phase and now - at < EVERY_SECONDS:
            return
        told[subject] = (begun, now)
        tell(line_of(event))

    return progress


def line_of(event: ProgressEvent) -> str:
    """Give what an event says in one line.

    >>> line_of(ProgressEvent(step="train", table="orders", phase="epoch 3", done=0.25, loss=11.204, eta_seconds=90))
    'train orders: epoch 3, 25%, loss 11.2040 nats, about 90 s left'
    """
    figures = [
        f"{event.done:.0%}" if 0 < event.done < 1 else "",
        f"{event.rows:,} rows" if event.rows else "",
        f"loss {event.loss:.4f} nats" if event.loss is not None else "",
        f"about {event.eta_seconds:.0f} s left" if event.eta_seconds else "",
    ]
    subject = f"{event.step} {event.table}" if event.table else event.step
    return f"{subject}: {', '.join(filter(None, [event.phase, *figures]))}"
