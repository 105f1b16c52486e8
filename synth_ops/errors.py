"""Every error that synth-ops raises on purpose, and what to do about each.

The tree says what to retry, and the exit code is a property of the branch::

    SynthOpsError
    ├── PlanError (ValueError)       2  the plan or the usage is wrong: fix it, do not retry
    │   ├── SchemaChanged            2  the source differs from the plan: look, then accept or fix it
    │   ├── PersonalFound            2  a column that is learned by default looks personal: say what becomes of it
    │   ├── BudgetSpent              2  privacy.epsilon_max leaves no room for a training, and there is no model
    │   ├── LedgerBroken             2  what was spent of it is not known for sure: restore the file
    │   └── Locked                   2  another refresh of this dataset holds the lock
    ├── GateRefused                  1  the copy is not fit to publish, and was not published
    └── OutsideError (OSError)       3  the outside world failed: retry
        ├── SourceError              3  the database did not answer
        ├── PublishError             3  the store did not take the snapshot
        ├── CorruptArtifact          3  a file of ours does not match its checksum
        └── WorkerFailed             3  a worker died, or its training diverged

A message has three parts: what must hold, however what came, what to do. It names the table, the column and the
type, and never a value from a production row. Foreign exceptions are translated at the border with
``raise SourceError(...) from None`` wherever their text could quote a row or a password.
"""

from typing import ClassVar


class SynthOpsError(Exception):
    """The root of the tree: catching it catches all that synth-ops raises on purpose."""

    exit_code: ClassVar[int] = 3


class PlanError(SynthOpsError, ValueError):
    """The plan, the command line or the schema asks for something that cannot be done."""

    exit_code = 2


class SchemaChanged(PlanError):
    """The source's tables or columns are not those that the last accepted night had."""


class PersonalFound(PlanError):
    """A column of which synth.yaml says nothing, and which would be learned, holds what looks personal."""


class BudgetSpent(PlanError):
    """One more training would cost more than `privacy.epsilon_max`, and there is no model to go on with."""


class LedgerBroken(PlanError):
    """An ε ledger is not as it was written, so that nobody knows what is spent."""


class Locked(PlanError):
    """Another refresh of the same dataset is under way."""


class GateRefused(SynthOpsError):
    """At least one blocking check failed or could not be measured; nothing was published."""

    exit_code = 1


class OutsideError(SynthOpsError, OSError):
    """Something outside synth-ops failed; the same command may succeed later."""

    exit_code = 3


class SourceError(OutsideError):
    """The source database or folder did not answer as it should."""


class PublishError(OutsideError):
    """The snapshot could not be written where it is published."""


class CorruptArtifact(OutsideError):
    """A file that synth-ops wrote is truncated or altered."""


class WorkerFailed(OutsideError):
    """A worker process died or gave up; its checkpoints are kept, and running again resumes."""
