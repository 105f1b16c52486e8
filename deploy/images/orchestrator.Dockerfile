# Web server, daemon and, on Kubernetes, code location: Dagster and the plan, without torch and Great Expectations.
#   docker build -f deploy/images/orchestrator.Dockerfile --build-context project=. -t synth-ops/orchestrator .
FROM python:3.11-slim-bookworm

# The number is that of the worker's user: private/ has mode 0700, and both must be its owner.
RUN useradd --create-home --uid 10001 synth \
    && install -d -o synth -g synth /opt/dagster/home /opt/dagster/home/storage \
       /srv/synth-ops /srv/synth-ops/.synth-ops /srv/synth-ops/snapshots

WORKDIR /opt/synth-ops
COPY constraints.txt deploy/images/orchestrator-requirements.txt ./
RUN pip install --no-cache-dir -c constraints.txt -r orchestrator-requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY synth_ops ./synth_ops
RUN pip install --no-cache-dir --no-deps /opt/synth-ops

# The project is a context of its own: a team's has another folder than this repository.
WORKDIR /srv/synth-ops
# hadolint ignore=DL3022
COPY --from=project synth.yaml ./
# hadolint ignore=DL3022
COPY --from=project expectations ./expectations
# hadolint ignore=DL3022
COPY --from=project pipelines ./pipelines

ENV DAGSTER_HOME=/opt/dagster/home
USER 10001
