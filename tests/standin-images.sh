#!/bin/sh
# Builds images under the official names from Debian packages, for a machine that has a container
# engine and a Debian mirror but can't reach an image registry. They behave like the official images
# as far as Dockerfile and docker-compose.yml use them; TimescaleDB is Debian's Apache edition.
#
#     tests/standin-images.sh          # as root: debootstrap needs it
#
# DEBIAN_MIRROR     where packages come from (default: debootstrap's own)
# CA_CERTIFICATES   PEM file of a proxy's certificate authority that pip and npm must trust
set -eu

cd "$(dirname "$0")/.."
python=$(sed -n 's/^FROM \(python:[^ ]*\).*/\1/p' Dockerfile | head -n 1)
image_of() { sed -n "s|^ *image: \($1:.*\)|\1|p" docker-compose.yml | head -n 1; }
timescaledb=$(image_of timescale/timescaledb)
mosquitto=$(image_of eclipse-mosquitto)

work=$(mktemp -d /var/tmp/standin-images.XXXXXX)
trap 'rm -rf "$work"' EXIT

debian() {
    debootstrap --variant=minbase --include=ca-certificates trixie "$work/tree" ${DEBIAN_MIRROR:-}
    if [ -n "${CA_CERTIFICATES:-}" ]; then
        cp "$CA_CERTIFICATES" "$work/tree/usr/local/share/ca-certificates/proxy.crt"
        chroot "$work/tree" update-ca-certificates
    fi
    tar -C "$work/tree" --exclude='./proc/*' --exclude='./dev/*' \
        --exclude='./var/cache/apt/archives/*.deb' -c . |
        docker import -c 'CMD ["bash"]' - debian:trixie-slim
}

# build NAME: a Dockerfile arrives on standard input, files beside it lie in $work/context.
build() {
    mkdir -p "$work/context"
    cat >"$work/context/Dockerfile"
    docker build -t "$1" "$work/context"
}

docker image inspect debian:trixie-slim >/dev/null 2>&1 || debian

bundle=/etc/ssl/certs/ca-certificates.crt
build "$python" <<EOF
FROM debian:trixie-slim
ENV PIP_CERT=$bundle NODE_EXTRA_CA_CERTS=$bundle PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update && apt-get install -y --no-install-recommends \\
        python3 python3-venv python3-pip python-is-python3 tzdata && \\
    rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED
CMD ["python3"]
EOF

mkdir -p "$work/context"
cat >"$work/context/docker-entrypoint.sh" <<'EOF'
#!/bin/bash
# The official entry point in small: first start makes the cluster, the user and the database, and
# runs what lies in /docker-entrypoint-initdb.d.
set -eu
data=/var/lib/postgresql/data
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ ! -s $data/PG_VERSION ]; then
    initdb -D $data -U "$user" --auth-host=scram-sha-256 --auth-local=trust \
        --pwfile=<(echo "${POSTGRES_PASSWORD:?is not set}")
    echo "host all all all scram-sha-256" >>$data/pg_hba.conf
    printf "%s\n" "listen_addresses = '*'" "shared_preload_libraries = 'timescaledb'" \
        "timescaledb.telemetry_level = off" >>$data/postgresql.conf
    pg_ctl -D $data -w start -o "-c listen_addresses=''"
    psql="psql -v ON_ERROR_STOP=1 -U $user"
    [ "$database" = postgres ] || $psql -d postgres -c "CREATE DATABASE \"$database\""
    $psql -d template1 -c "CREATE EXTENSION IF NOT EXISTS timescaledb"
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) . "$file" ;;
            *.sql) $psql -d "$database" -f "$file" ;;
        esac
    done
    pg_ctl -D $data -w -m fast stop
fi
exec "$@" -D $data
EOF
chmod 755 "$work/context/docker-entrypoint.sh"
build "$timescaledb" <<'EOF'
FROM debian:trixie-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends postgresql-common && \
    sed -i "s/^#create_main_cluster.*/create_main_cluster = false/" \
        /etc/postgresql-common/createcluster.conf && \
    apt-get install -y --no-install-recommends \
        postgresql-17 postgresql-17-timescaledb tzdata && \
    rm -rf /var/lib/apt/lists/* && \
    install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data && \
    install -d -o postgres -g postgres -m 775 /var/run/postgresql
COPY docker-entrypoint.sh /usr/local/bin/
ENV LANG=C.UTF-8 PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER postgres
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
EOF

build "$mosquitto" <<'EOF'
FROM debian:trixie-slim
RUN groupadd -g 1883 mosquitto && \
    useradd -u 1883 -g 1883 -d /mosquitto -s /usr/sbin/nologin mosquitto && \
    apt-get update && \
    apt-get install -y --no-install-recommends mosquitto mosquitto-clients && \
    rm -rf /var/lib/apt/lists/* && \
    install -d -o mosquitto -g mosquitto /mosquitto /mosquitto/config /mosquitto/data /mosquitto/log
VOLUME ["/mosquitto/data", "/mosquitto/log"]
CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]
EOF
