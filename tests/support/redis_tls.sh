#!/usr/bin/env bash
# Builds ringback where it is and runs the Redis trackers' tests on TLS and on Valkey; for a bare
# Debian 13 (tests/debian13.sh).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source infra/local/install.sh
source tests/support/script.sh
export REDIS_TLS_FOLDER REDIS_SERVER
build=$PWD/build-tls
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A CA, and a certificate of it for localhost and 127.0.0.1, in the folder $1.
make_certificates() {
    local subject=subjectAltName=DNS:localhost,IP:127.0.0.1
    mkdir "$1" && cd "$1" || return
    openssl req -quiet -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test CA' \
        -keyout ca.key -out ca.crt &&
        openssl req -quiet -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr &&
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
            -extfile <(echo "$subject") -out server.crt
}

build_all() {
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug &&
        cmake --build "$build" -- --quiet
}

# All tests of the programs named, each a case.
run() {
    local name
    for name; do
        check "$REDIS_SERVER${REDIS_TLS_FOLDER:+, TLS}: $name" "$build/tests/contract/$name"
    done
}

trackers=(tracker_contract_redis tracker_redis_test tracker_contract_redis_cluster tracker_redis_cluster_test)
check 'packages' install_packages "${build_packages[@]}" libcmocka-dev ca-certificates openssl \
    redis-server valkey-server
check 'certificates' make_certificates "$work/tls"
check 'builds' build_all
check 'hiredis has TLS' grep -q '^HIREDIS_SSL_FOUND.*=1' "$build/CMakeCache.txt"
dpkg-query -W -f '${Package} ${Version}\n' libhiredis-dev redis-server valkey-server gcc
cd "$work" || exit 1
REDIS_SERVER=redis-server REDIS_TLS_FOLDER=$work/tls run "${trackers[@]}"
REDIS_SERVER=valkey-server REDIS_TLS_FOLDER=$work/tls run tracker_contract_redis tracker_redis_test
REDIS_SERVER=valkey-server REDIS_TLS_FOLDER='' run "${trackers[@]}"
finish
