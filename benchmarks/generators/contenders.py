"""Who contends, what drives each, and what its figures depend on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = HERE.parents[1] / "synth_ops"


@dataclass(frozen=True)
class Contender:
    """A generator, run by a driver in an environment."""

    name: str
    driver: str
    """Module in ``drivers/``; it is called as ``DRIVER TRAIN OUT OPTIONS`` and ends with one line of JSON."""
    model: str
    """Which of the driver's models."""
    requirements: str | None = None
    """File in ``requirements/``, after which the environment is named; None is the one that runs the benchmark."""
    treatment: str = ""
    """How it is used, in a sentence for the reader of the results."""

    @property
    def is_ours(self) -> bool:
        return self.requirements is None

    def code(self) -> str:
        """Twelve hex digits over everything that a result depends on and that can change between runs."""
        files: Sequence[Path] = [HERE / "drivers" / f"{self.driver}.py", HERE / "drivers" / "contract.py"]
        files = [*files, *(sorted(OURS.rglob("*.py")) if self.is_ours else [HERE / "requirements" / self._required()])]
        digest = hashlib.sha256()
        for file in files:
            digest.update(file.read_bytes())
        return digest.hexdigest()[:12]

    def _required(self) -> str:
        return self.requirements or ""


_CTGAN_TREATMENT = (
    "defaults (300 epochs). It takes no nulls: a categorical null becomes a category, a numeric one the mean, beside a"
    " column that says where. Integers of at most 20 distinct values are categories; other integers are rounded back."
)

CONTENDERS: Mapping[str, Contender] = {
    c.name: c
    for c in (
        Contender("vae", "synth_ops_verbs", "vae", treatment="synth-ops' VAE under a time budget, otherwise as is."),
        Contender("gan", "synth_ops_verbs", "gan", treatment="synth-ops' GAN under a time budget, otherwise as is."),
        Contender("mostlyai", "argn", "argn", "mostlyai.txt", "mostlyai-engine's TabularARGN, defaults."),
        Contender("ctgan", "ctgan_tvae", "CTGAN", "ctgan.txt", f"ctgan's CTGAN, {_CTGAN_TREATMENT}"),
        Contender("tvae", "ctgan_tvae", "TVAE", "ctgan.txt", "ctgan's TVAE, used as CTGAN is."),
    )
}
