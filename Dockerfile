# syntax=docker/dockerfile:1

# One image for the API (`serve`), the worker (`worker`) and the migration (`migrate`).
# tests/container runs these steps without an engine.

# A digest in its place pins the base for good: docker buildx imagetools inspect python:3.13-slim-trixie
ARG PYTHON=python:3.13-slim-trixie


FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# The parts change less often than the code: a layer of their own. Without pip, which nothing needs
# later; wheels alone, so that nothing is compiled. `--build-arg EXTRAS=all` adds what fault reports
# and traces need: who has the image cannot install it later.
ARG EXTRAS=
COPY requirements.lock requirements-all.lock requirements-build.lock /src/
RUN python -m venv --without-pip /opt/vms \
 && pip --python /opt/vms install --require-hashes --only-binary :all: \
    -r "/src/requirements${EXTRAS:+-$EXTRAS}.lock" \
 && pip install --require-hashes --only-binary :all: -r /src/requirements-build.lock

COPY pyproject.toml README.md /src/
COPY app /src/app
COPY devserver /src/devserver
COPY workers /src/workers
COPY email_templates /src/email_templates
COPY locales /src/locales
COPY migrations /src/migrations
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src \
 && pip --python /opt/vms install --no-deps --no-index /wheels/*.whl


FROM ${PYTHON}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Visitor management" \
      org.opencontainers.image.description="Invitations with QR codes, hourly capacity, gates that answer at once" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# A number that orchestrators can check (runAsNonRoot) and that volumes can be given to.
RUN groupadd --gid 10001 vms \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vms
COPY --from=build /opt/vms /opt/vms

ENV PATH=/opt/vms/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# Nothing is written but /tmp: the rest may be read-only.
WORKDIR /srv
USER 10001:10001
EXPOSE 8000

# The process ends by itself on SIGTERM, as process 1 too.
ENTRYPOINT ["vms"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--linger", "5"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live/', timeout=4)"]
