"""The operators: one for a whole refresh, one for a step of it. They load neither torch nor Great Expectations."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from synth_ops.airflow.compat import BaseOperator, conf
from synth_ops.airflow.links import ReportLink, SnapshotLink

if TYPE_CHECKING:
    from synth_ops.airflow.job import Job
    from synth_ops.records import Record

NIGHT = "{{ (partition_key | default('', true)) or (ds | default('', true)) or (dag_run.run_after | ds) }}"
"""The partition, where the run has one; else its logical date, and else the day of which it was started."""
TIMEOUT = timedelta(hours=12)
"""A night that takes longer would meet the next one."""


class SynthOperator(BaseOperator):
    """What both operators share: where the plan is, which night, and how a worker is started and waited for."""

    template_fields: Sequence[str] = (
        "config",
        "night",
        "python",
        "device",
        "conn_id",
        "publish_conn_id",
        "env",
        "report_url",
        "snapshot_url",
    )
    template_ext: Sequence[str] = (".yaml", ".yml")
    template_fields_renderers: ClassVar[dict[str, str]] = {"env": "json", "tables": "json"}
    operator_extra_links = (ReportLink(), SnapshotLink())
    ui_color = "#e8f4ea"

    def __init__(
        self,
        *,
        config: str,
        night: str = NIGHT,
        python: str | None = None,
        device: str = "auto",
        conn_id: str | None = None,
        publish_conn_id: str | None = None,
        env: Mapping[str, str] | None = None,
        report_url: str | None = None,
        snapshot_url: str | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,  # noqa: ANN401 — Airflow's own arguments
    ) -> None:
        """Store the arguments.

        Args:
            config: path of synth.yaml, as the worker's machine sees it; one that is not absolute starts at the DAG
                file's folder. Where the file holds Jinja, it is filled in with the task's context.
            night: the night, YYYY-MM-DD; by default the run's partition, or its logical date.
            python: the interpreter that has synth-ops with torch; by default the one that runs the task. Airflow's own
                environment then needs only ``synth-ops[airflow]``.
            device: where models compute: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
            conn_id: the connection to production; its URL fills the variable that ``source:`` names in synth.yaml.
                PostgreSQL, MySQL, SQLite, DuckDB, or ``fs`` for a folder of Parquet.
            publish_conn_id: the connection to the store that snapshots go to: S3.
            env: more variables for the worker.
            report_url: where the folder ``shared/nights`` of the workspace is served; the report's link starts so.
                Without it the link is the file's own address, for which Airflow 3 shows no button.
            snapshot_url: where the dataset's folder ``snapshots`` is served; the snapshot's link starts so. Likewise.
            deferrable: wait in the triggerer, so that no worker slot is taken while a worker computes. The worker then
                outlives the task's process and a restarted scheduler; the triggerer must see the workspace. By default
                as Airflow's ``operators.default_deferrable`` says.
            kwargs: Airflow's own. A task that names no ``execution_timeout`` has one of 12 hours.
        """
        kwargs.setdefault("execution_timeout", TIMEOUT)
        super().__init__(**kwargs)
        self.config = config
        self.night = night
        self.python = python
        self.device = device
        self.conn_id = conn_id
        self.publish_conn_id = publish_conn_id
        self.env = env
        self.report_url = report_url
        self.snapshot_url = snapshot_url
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.links: dict[str, str] = {}
        self._leash: Any = None
        self._done: Job | None = None

    def execute(self, context: Any) -> Any:  # noqa: ANN401 — Airflow's own signature
        """Do the job in a worker and give its record, small enough for an XCom.

        Raises:
            AirflowFailException: the gate refused the copy, or the plan is wrong; not retried.
            AirflowException: the outside world failed.
        """
        from synth_ops.airflow.job import translated
        from synth_ops.worker.launch import Leash

        with translated(None, self.log.error):
            job = self._job(context)
        if self.deferrable:
            self._defer(job)
        self._leash = Leash()
        with translated(job, self.log.error), self._linking(context, job):
            record = job.run(self.log.info, self._leash)
        return self._finish(context, job, record)

    def execute_complete(self, context: Any, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 — Airflow's
        """Go on where the worker has ended that this task was deferred for.

        Raises:
            AirflowFailException: the gate refused the copy, or the plan is wrong; not retried.
            AirflowException: the outside world failed, or the worker did, or took too long.
        """
        from synth_ops.airflow.compat import AirflowException
        from synth_ops.airflow.job import translated

        with translated(None, self.log.error):
            job = self._job(context)
        if not event["in_time"]:
            raise AirflowException(
                f"The worker must be done within {self.execution_timeout}, however it was not, and was stopped."
                " The next try goes on where it was; raise execution_timeout, or lower time_budget in synth.yaml."
            )
        with translated(job, self.log.error), self._linking(context, job):
            record = job.collect()
        return self._finish(context, job, record)

    def on_kill(self) -> None:
        """Stop the worker and all that it started; the next try goes on where it was."""
        if self._leash is not None:
            self._leash.pull()

    def resolve_template_files(self) -> None:
        """Leave synth.yaml alone while DAGs are read: a template in it is filled in when the task runs."""
        path, self.config = self.config, ""
        try:
            super().resolve_template_files()
        finally:
            self.config = path

    def render_template(self, content: Any, context: Any, jinja_env: Any = None, *more: Any) -> Any:  # noqa: ANN401
        """Fill in a template; a path that ends as templates do is filled in itself, and not taken for what it names."""
        if isinstance(content, str) and content.endswith(tuple(self.template_ext)):
            environment = jinja_env or self.get_template_env()
            return environment.from_string(content).render(context)
        return super().render_template(content, context, jinja_env, *more)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ANN401, ARG002 — Airflow's own
        """Give the lineage of the night: production's tables, the snapshot's, and what was asserted of them."""
        from synth_ops.airflow.lineage import lineage_of

        return lineage_of(self._done) if self._done is not None else None

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:  # noqa: ANN401 — Airflow's own
        """Give the same of a night that failed: of a refused copy, the assertions say why."""
        return self.get_openlineage_facets_on_complete(task_instance)

    def _call(self) -> Any:  # noqa: ANN401 — a StepCall, whose module is not to be loaded while DAGs are read
        """Give the step that this operator takes."""
        raise NotImplementedError

    def _job(self, context: Any) -> "Job":  # noqa: ANN401 — Airflow's own
        """Put together what the rendered fields say.

        Raises:
            PlanError: they do not say it right.
        """
        from synth_ops.airflow.connections import source_env, store_env
        from synth_ops.airflow.job import Job
        from synth_ops.plan import load_config
        from synth_ops.plan.marked import read_plan

        path = self._path()
        text = read_plan(path).decode("utf-8", "replace")
        is_template = "{{" in text or "{%" in text
        filled = str(self.render_template(text, context)) if is_template else None
        config = load_config(path, text=filled)
        self._done = Job(
            call=self._call(),
            path=path,
            config=config,
            text=filled,
            device=self.device,
            python=self.python or "",
            env={
                **(store_env(self.publish_conn_id) if self.publish_conn_id else {}),
                **(source_env(self.conn_id, config) if self.conn_id else {}),
                **{name: str(value) for name, value in (self.env or {}).items()},
            },
        )
        return self._done

    def _path(self) -> Path:
        path = Path(self.config).expanduser()
        beside = Path(self.dag.folder) / path if not path.is_absolute() and self.dag else path
        return beside if beside.is_file() else path

    def _defer(self, job: "Job") -> None:
        """Start the worker, and leave this process; it is gone on in `execute_complete`."""
        from synth_ops.airflow.triggers import WorkerTrigger

        lease = job.start(self.log.info)
        ends = None if self.execution_timeout is None else time.time() + self.execution_timeout.total_seconds()
        trigger = WorkerTrigger(lease.spec.model_dump(mode="json"), ends, holder=lease.holder)
        self.defer(trigger=trigger, method_name="execute_complete")

    @contextmanager
    def _linking(self, context: Any, job: "Job") -> Iterator[None]:  # noqa: ANN401 — Airflow's own
        """Leave the links on the way out, of a copy that was refused too."""
        from synth_ops.airflow.links import addresses

        try:
            yield
        finally:
            self.links = addresses(job, self.report_url, self.snapshot_url)
            for key, address in self.links.items():
                context["ti"].xcom_push(key=key, value=address)

    def _finish(self, context: Any, job: "Job", record: "Record") -> Any:  # noqa: ANN401 — Airflow's own
        """Refuse what the gate refused, and fill the outlets' events."""
        from synth_ops.airflow.answers import answer
        from synth_ops.airflow.job import refused
        from synth_ops.airflow.outlets import announce_snapshot, facts
        from synth_ops.plan.plan import Plan
        from synth_ops.records import Validated
        from synth_ops.workspace import read_record

        if isinstance(record, Validated) and record.verdict != "PASS":
            raise refused(record, self.log.error)
        said = facts(job.config.dataset, record, job.validated)
        if said is not None:
            announce_snapshot(self.outlets, context["outlet_events"], said)
        return answer(record, read_record(job.workspace.plan, Plan))


class SynthRefreshOperator(SynthOperator):
    """Make the snapshot of one night, whole: extract, train, sample, validate, publish.

    Run again, it goes on where it was; a night that is published is found published. The XCom is the record of the
    refresh. Give it ``outlets=[Asset("synthetic/shop")]`` for DAGs that are scheduled on the snapshot: the event's
    extra holds the snapshot's facts.
    """

    template_fields: Sequence[str] = (*SynthOperator.template_fields, "tables")

    def __init__(self, *, tables: Sequence[str] | str | None = None, **kwargs: Any) -> None:  # noqa: ANN401 — Airflow's
        """Store the arguments.

        Args:
            tables: whose models may be learned anew, as a list or with commas between; None is all.
            kwargs: as `SynthOperator` and Airflow have them.
        """
        super().__init__(**kwargs)
        self.tables = tables

    def _call(self) -> Any:  # noqa: ANN401 — likewise
        from synth_ops.steps import StepCall

        return StepCall("refresh", self.night, tables=_names(self.tables))


class SynthStepOperator(SynthOperator):
    """Take one step of a night, as `synth_refresh_task_group` does; steps before it that are not complete come first.

    ``validate`` fails where the gate refuses the copy; ``publish`` fills the outlets' events. The XCom is the step's
    record, less what is long or private; of ``extract`` it is a list of the tables that have a model, to map over.
    """

    template_fields: Sequence[str] = (*SynthOperator.template_fields, "step", "table")

    def __init__(self, *, step: str, table: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401 — Airflow's own
        """Store the arguments.

        Args:
            step: extract, train, sample, validate or publish.
            table: of ``train``, train this table alone: others may be trained beside it.
            kwargs: as `SynthOperator` and Airflow have them.
        """
        super().__init__(**kwargs)
        self.step = step
        self.table = table

    def _call(self) -> Any:  # noqa: ANN401 — likewise
        from typing import cast, get_args

        from synth_ops.errors import PlanError
        from synth_ops.records import Step
        from synth_ops.steps import StepCall

        if self.step not in get_args(Step):
            raise PlanError(f"step must be one of {', '.join(get_args(Step))}, however: {self.step!r}.")
        step = cast("Step", self.step)
        # Models are learned in train alone: a later step learns none but one that never was.
        return StepCall(step, self.night, table=self.table, tables=None if step == "train" else ())


def _names(tables: Sequence[str] | str | None) -> tuple[str, ...] | None:
    if tables is None:
        return None
    names = tables.split(",") if isinstance(tables, str) else tables
    return tuple(n.strip() for n in names if n.strip()) or None
