"""What `dg scaffold defs synth_ops.dagster.SynthRefreshComponent` writes."""

import dagster as dg
from pydantic import BaseModel, Field

DEFAULT_CONFIG = "synth.yaml"


class SynthRefreshParams(BaseModel):
    """What a scaffold may be told."""

    config: str = Field(default=DEFAULT_CONFIG, description="Path of synth.yaml, from the folder of defs.yaml.")


class SynthRefreshScaffolder(dg.Scaffolder[SynthRefreshParams]):
    """Writes a defs.yaml that names a synth.yaml."""

    @classmethod
    def get_scaffold_params(cls) -> type[SynthRefreshParams]:
        return SynthRefreshParams

    def scaffold(self, request: dg.ScaffoldRequest[SynthRefreshParams]) -> None:
        """Write the file."""
        dg.scaffold_component(request, {"config": request.params.config})
