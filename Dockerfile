# For Heroku's container stack (heroku.yml), and any other place that runs images.
#
# Heroku builds it with Docker's older builder, which rejects what needs BuildKit, such as
# `RUN --mount`. The layer of dependencies saves the time instead. Dependabot renews the digests.

FROM rust:1.95-slim-trixie@sha256:e14e87345b4d5964ddcc3491d27ee046a0f23820f340c3c1e24da6880141f7c0 AS build
WORKDIR /auditsync
COPY Cargo.toml Cargo.lock ./
COPY crates crates
# The dependencies, with empty files for what the manifest names. Changes of src/ leave this layer.
RUN mkdir -p src benches tests/chaos tests/histories && \
    touch src/lib.rs benches/inner.rs tests/chaos/main.rs tests/histories/main.rs && \
    echo 'fn main() {}' >src/main.rs && \
    cargo build --locked --release --package auditsync --bin auditsync && \
    cargo clean --locked --release --package auditsync
COPY askama.toml audit.toml build.rs ./
COPY migrations migrations
COPY templates templates
COPY src src
RUN cargo build --locked --release --package auditsync --bin auditsync

# A shell stays in the image: Heroku starts commands with one.
FROM debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f
LABEL org.opencontainers.image.title="auditsync" \
    org.opencontainers.image.description="Copies a Heroku Enterprise audit trail into PostgreSQL" \
    org.opencontainers.image.source="https://github.com/OWNER/auditsync" \
    org.opencontainers.image.licenses="MIT"
# Heroku's own certificate is verified by what the system trusts. With curl in the image, Heroku
# shows the log of the release phase while it runs. Debian keeps one version of a package alone.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates curl && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /auditsync/target/release/auditsync /usr/local/bin/auditsync
WORKDIR /app
COPY audit.toml ./
# nobody
USER 65534:65534
CMD ["auditsync"]
