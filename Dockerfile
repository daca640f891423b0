# The command in a container: docker build . -t inspector && docker run --rm inspector scan registry:REF
#
# BASE is any image with Python 3.11 or later and its venv module. The digest is that of the index of python:3.13-slim-trixie
# in September 2026; to renew it: docker buildx imagetools inspect python:3.13-slim-trixie.
ARG BASE=python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

FROM ${BASE} AS build
# A mirror of PyPI, where the build reaches no other.
ARG PIP_INDEX_URL
ARG PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
RUN python3 -m venv tools && tools/bin/pip download -q --require-hashes -r requirements.lock -d wheels
COPY pyproject.toml README.md LICENSE ./
COPY inspector inspector
# What builds the package stays here: the second environment has what the package itself asks for, and no pip.
RUN tools/bin/pip install -q --no-index --find-links wheels hatchling editables \
    && tools/bin/pip wheel -q --no-deps --no-build-isolation -w wheels . \
    && python3 -m venv --without-pip /opt/inspector \
    && tools/bin/pip --python /opt/inspector/bin/python install -q --no-index --find-links wheels rollout-inspector \
    && mkdir -p /opt/home/work /opt/home/.cache && chmod 1777 /opt/home /opt/home/.cache

FROM ${BASE}
LABEL org.opencontainers.image.title=inspector \
    org.opencontainers.image.description="Says before the rollout whether a binary in a container image will crash there, why, and what stops it." \
    org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /opt /opt
# The home is anybody's, for '--user'; facts are kept below it: --volume inspector:/opt/home/.cache
ENV PATH=/opt/inspector/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/opt/home
USER 65532:65532
WORKDIR /opt/home/work
ENTRYPOINT ["inspector"]
