"""Where noise comes from: a secret of the workspace, so that who knows plan and rows but not the secret cannot tell it.

All other seeds follow from what the manifest shows. Noise from such a seed could be computed, and taken off again.
"""

import hashlib
import os
import secrets

import numpy as np

from synth_ops.errors import PlanError
from synth_ops.workspace import Workspace
from synth_ops.workspace.files import staged

_BYTES = 32
_SEED_BITS = 63


class NoiseSource:
    """Seeds of one training: the same for the same charge, so that a run that is taken up again draws the same noise.

    Two draws for the same rows would let their mean be taken; one ledger line pays for one draw.
    """

    def __init__(self, secret: bytes, run: str, key: str) -> None:
        self._root = hashlib.sha256(b"\0".join((secret, run.encode(), key.encode()))).digest()

    def seed(self, *words: str) -> int:
        """Give the seed of one use."""
        digest = hashlib.sha256(self._root + "\0".join(words).encode()).digest()
        return int.from_bytes(digest[:8], "big") >> (64 - _SEED_BITS)

    def generator(self, *words: str) -> np.random.Generator:
        """Give the generator of one use."""
        return np.random.default_rng(
            np.frombuffer(hashlib.sha256(self._root + "\0".join(words).encode()).digest(), "u4")
        )


def noise_secret(workspace: Workspace) -> bytes:
    """Give the workspace's secret, ``private/noise.key``; make it where there is none.

    Raises:
        PlanError: the file is cut short.
    """
    path = workspace.private / "noise.key"
    if not path.is_file():
        with staged(path) as part:
            part.write_bytes(secrets.token_bytes(_BYTES))
            os.chmod(part, 0o600)  # noqa: PTH101 — before it has its name
    secret = path.read_bytes()
    if len(secret) != _BYTES:
        raise PlanError(
            f"The secret that noise is drawn from must have {_BYTES} bytes, however {path} has {len(secret)}."
            " Delete it: another is made, and trainings of tonight that were stopped begin anew and are charged anew."
        )
    return secret


def secret_name(workspace: Workspace) -> str:
    """Give eight hex digits that tell one secret from another, and give none away; empty where there is none yet."""
    path = workspace.private / "noise.key"
    return hashlib.sha256(b"name" + path.read_bytes()).hexdigest()[:8] if path.is_file() else ""
