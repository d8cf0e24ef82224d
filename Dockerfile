FROM python:3.11-slim

# make alone: every package comes as a wheel. Its version is the base image's, hence no pin
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --no-install-recommends --yes make \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 quoth \
 && mkdir /app /data \
 && chown quoth:quoth /app /data

USER 1000
WORKDIR /app
COPY --chown=quoth:quoth pyproject.toml constraints.txt Makefile README.md LICENSE ./
COPY --chown=quoth:quoth bot ./bot
COPY --chown=quoth:quoth skills ./skills
COPY --chown=quoth:quoth configs ./configs
# the same command that a newcomer runs; it brings and compiles the weights too
RUN make setup

# loopback inside the container: what the health check asks
ENV QUOTH_DATA_DIR=/data \
    QUOTH_TELEGRAM_PORT=8443
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD [".venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8443/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD [".venv/bin/python", "-m", "bot", "telegram"]
