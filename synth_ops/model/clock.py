"""The wall clock of a training: what is spent of its time budget, and whether another step still fits in it."""

import time

AIM = 0.98
"""Share of the budget to use: what is left pays for saving the model, and for a step that is slower than the last."""
_SMOOTH = 0.9
"""Weight of the past in the usual length of a step."""


class Clock:
    """Counts the seconds of one training over all runs of it, those that were killed too."""

    def __init__(self, budget_seconds: float | None, *, began: float | None = None) -> None:
        """Start to count.

        Args:
            budget_seconds: wall seconds for everything since `began`, or None for no end.
            began: `time.monotonic()` when the work began that the budget pays for, encoding among it; now by default.
        """
        self._started = time.monotonic()
        before = 0.0 if began is None else self._started - began
        self.budget = None if budget_seconds is None else max(0.0, AIM * budget_seconds - before)
        """Seconds for training alone."""
        self.earlier = 0.0
        """Seconds of the runs before this one, up to their last checkpoint."""
        self._step = self._validation = 0.0

    @property
    def seconds(self) -> float:
        """Give the seconds spent on training so far."""
        return self.earlier + time.monotonic() - self._started

    @property
    def share(self) -> float:
        """Give the share of the budget that is spent; 0 where there is none."""
        if self.budget is None:
            return 0.0
        return min(1.0, self.seconds / self.budget) if self.budget else 1.0

    @property
    def left(self) -> float | None:
        """Give the seconds until the last step must be done, or None."""
        return None if self.budget is None else max(0.0, self.budget - self.seconds - 1.2 * self._validation)

    @property
    def has_time(self) -> bool:
        """Whether a step still fits, and the validation that must follow the last one."""
        left = self.left
        return left is None or left > self._step

    def step_took(self, seconds: float) -> None:
        """Learn how long a step is."""
        self._step = _SMOOTH * self._step + (1 - _SMOOTH) * seconds if self._step else seconds

    def validation_took(self, seconds: float) -> None:
        """Learn how long a validation is."""
        self._validation = seconds
