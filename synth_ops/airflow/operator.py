"""The operator. It runs the command line and reads its JSON; what it is about is known to the core alone."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseOperator

N_LINES_TOLD = 20


class SynthRefreshOperator(BaseOperator):
    """Make the snapshot of one night: ``synth-ops refresh`` with a JSON answer, which is the task's XCom.

    A refused gate and a wrong plan fail the task for good; what the outside world did may be retried.
    """

    template_fields: Sequence[str] = ("config", "night", "tables")
    ui_color = "#e8f4ea"

    def __init__(
        self,
        *,
        config: str,
        night: str = "{{ ds | default('') }}",
        tables: Sequence[str] | None = None,
        python: str = sys.executable,
        **kwargs: Any,  # noqa: ANN401 — Airflow's own arguments
    ) -> None:
        """Store the arguments.

        Args:
            config: path of synth.yaml.
            night: the night, YYYY-MM-DD; empty is today.
            tables: whose models may be learned anew; None is all.
            python: the interpreter that has synth-ops and torch.
            kwargs: Airflow's own.
        """
        super().__init__(**kwargs)
        self.config = config
        self.night = night
        self.tables = tables
        self.python = python
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002 — Airflow's own signature
        """Run the refresh and give its record."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
            self._process = subprocess.Popen(
                self._command(), stdout=answer, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
            told = self._log_until_end(self._process)
            code = self._process.wait()
            answer.seek(0)
            if code == 0:
                record: dict[str, Any] = json.load(answer)
                return record
        raise (AirflowFailException if code in (1, 2) else AirflowException)(
            f"synth-ops refresh ended with {code}. {told}"
        )

    def on_kill(self) -> None:
        """Stop the refresh; its workers leave with it, and the next try goes on where it was."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def _command(self) -> list[str]:
        command = [self.python, "-m", "synth_ops", "refresh", "--json", "--config", self.config]
        command += ["--night", self.night] if self.night else []
        return command + (["--tables", ",".join(self.tables)] if self.tables else [])

    def _log_until_end(self, process: "subprocess.Popen[str]") -> str:
        """Log what the refresh says, and give the end of it."""
        last: deque[str] = deque(maxlen=N_LINES_TOLD)
        for line in process.stderr or ():
            self.log.info(line.rstrip())
            last.append(line.strip())
        return " ".join(last)
