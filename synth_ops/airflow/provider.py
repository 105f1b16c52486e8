"""What Airflow lists of this package: an entry point of the kind that providers have."""

from importlib.metadata import version
from typing import Any

INTEGRATION = "synth-ops"


def get_provider_info() -> dict[str, Any]:
    """Give the provider's description, as Airflow's schema for it asks."""
    return {
        "package-name": "synth-ops",
        "name": "synth-ops",
        "description": "Keeps a synthetic copy of a production database fresh, behind a gate.",
        "versions": [version("synth-ops")],
        "integrations": [{"integration-name": INTEGRATION, "tags": ["software"]}],
        "operators": [{"integration-name": INTEGRATION, "python-modules": ["synth_ops.airflow.operators"]}],
        "triggers": [{"integration-name": INTEGRATION, "python-modules": ["synth_ops.airflow.triggers"]}],
        "extra-links": ["synth_ops.airflow.links.ReportLink", "synth_ops.airflow.links.SnapshotLink"],
    }
