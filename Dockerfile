# conn in a container. PACKAGES=git adds Git, which conn impact and conn ci need to compare with an earlier commit.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
COPY requirements.txt ./
RUN python3 -m venv /opt/conn \
 && /opt/conn/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps --only-binary :all: --requirement requirements.txt
COPY . ./
RUN /opt/conn/bin/pip install --quiet --no-cache-dir --no-deps --no-index --no-build-isolation . \
 && /opt/conn/bin/pip uninstall --quiet --yes hatchling pip

FROM ${BASE}
ARG PACKAGES=
# The distribution decides about their versions.
# hadolint ignore=DL3008
RUN if [ -n "$PACKAGES" ]; then \
      apt-get update && apt-get install --yes --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*; \
    fi \
 && useradd --uid 10001 --home-dir /home/conn conn && install --directory --mode 1777 /home/conn
COPY --from=build /opt/conn /opt/conn
# A container has no keyring, and may run as any user.
ENV CONN_NO_KEYRING=1 HOME=/home/conn PATH=/opt/conn/bin:$PATH
USER 10001
WORKDIR /work
ENTRYPOINT ["conn"]
