"""Waiting for a worker in the triggerer, where a task that waits takes no worker slot."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from synth_ops.announce import announced
from synth_ops.worker.lease import Lease, read_events
from synth_ops.worker.spec import JobSpec

POLL_SECONDS = 5.0


class WorkerTrigger(BaseTrigger):
    """Waits for the worker of a job, renews its lease, and logs its progress.

    The triggerer must see the workspace. When the task is marked or cleared, the worker is asked to leave at once in
    Airflow 3.3, and leaves within ten minutes in earlier versions, whose triggers are not told.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        ends: float | None = None,
        poll_seconds: float = POLL_SECONDS,
        holder: str = "",
    ) -> None:
        """Store the arguments.

        Args:
            spec: the job's spec, as JSON.
            ends: the time, in seconds since 1970, after which the worker is stopped.
            poll_seconds: between two looks.
            holder: the name by which the task waits. A task that was cleared comes back under another, and may do so
                before this trigger hears of it: the worker is that one's then.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # as Airflow has it
        self.spec = dict(spec)
        self.ends = ends
        self.poll_seconds = poll_seconds
        self.holder = holder

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what another triggerer needs to go on waiting."""
        arguments = {
            "spec": self.spec,
            "ends": self.ends,
            "poll_seconds": self.poll_seconds,
            "holder": self.holder,
        }
        return f"{__name__}.WorkerTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until no worker is at the job any more, and say whether it was given the time that it took."""
        lease, tell, offset = self._lease, announced(self.log.info), 0
        in_time = True
        while await asyncio.to_thread(lease.is_held):
            if self.ends is not None and time.time() > self.ends:
                in_time = False
                await asyncio.to_thread(lease.end)
            await asyncio.to_thread(lease.renew)
            events, offset = await asyncio.to_thread(read_events, lease.events, offset)
            for event in events:
                tell(event)
            await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent({"in_time": in_time})  # type: ignore[no-untyped-call]  # likewise

    async def on_kill(self) -> None:
        """Stop the worker: someone has acted on the task."""
        await asyncio.to_thread(self._lease.end)

    @property
    def _lease(self) -> Lease:
        return Lease(JobSpec.model_validate(self.spec), self.holder)
