# `worker`: what a step runs in, with torch, CUDA and Great Expectations. `location`: that and Dagster, for one machine.
#   docker build -f deploy/images/worker.Dockerfile --build-context project=. --target worker -t synth-ops/worker .
FROM python:3.11-slim-bookworm AS worker

# CUDA comes with torch's own wheels, and the driver from the host; these ask NVIDIA's container toolkit for it.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

# The number is that of the orchestrator's user: private/ has mode 0700, and both must be its owner.
RUN useradd --create-home --uid 10001 synth \
    && install -d -o synth -g synth /opt/dagster/home /opt/dagster/home/storage \
       /srv/synth-ops /srv/synth-ops/.synth-ops /srv/synth-ops/snapshots

WORKDIR /opt/synth-ops
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY synth_ops ./synth_ops
RUN pip install --no-cache-dir -c constraints.txt '/opt/synth-ops[postgres]' dagster-pipes

# The project is a context of its own: a team's has another folder than this repository.
WORKDIR /srv/synth-ops
# hadolint ignore=DL3022
COPY --from=project synth.yaml ./
# hadolint ignore=DL3022
COPY --from=project expectations ./expectations
# hadolint ignore=DL3022
COPY --from=project pipelines ./pipelines
USER 10001

# Steps are subprocesses of the run, and the run one of the code location: all in one container, which holds the GPU.
FROM worker AS location
USER 0
COPY deploy/images/orchestrator-requirements.txt /opt/synth-ops/
RUN pip install --no-cache-dir -c /opt/synth-ops/constraints.txt -r /opt/synth-ops/orchestrator-requirements.txt
ENV DAGSTER_HOME=/opt/dagster/home
USER 10001
