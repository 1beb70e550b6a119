# For Heroku's container stack (heroku.yml), and any other place that runs images.

FROM rust:1.95-slim-trixie AS build
WORKDIR /auditsync
COPY Cargo.toml Cargo.lock build.rs askama.toml ./
COPY crates crates
COPY migrations migrations
COPY templates templates
COPY src src
# The workspace's manifest names this test and the benchmark.
COPY tests/chaos tests/chaos
COPY benches benches
RUN cargo build --locked --release --package auditsync --bin auditsync

# A shell stays in the image: Heroku starts commands with one.
FROM debian:trixie-slim
# Heroku's own certificate is verified by what the system trusts.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /auditsync/target/release/auditsync /usr/local/bin/auditsync
WORKDIR /app
COPY audit.toml ./
# nobody
USER 65534:65534
CMD ["auditsync"]
