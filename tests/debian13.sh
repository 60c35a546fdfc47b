#!/usr/bin/env bash
# Debian 13, where hiredis has TLS and Valkey is a package: makes a root with debootstrap, builds the
# last commit there, and runs the Redis trackers' tests on rediss://, rediss-cluster:// and Valkey.
#   tests/debian13.sh
# Takes some minutes; skipped, with the reason, where such a root cannot be made. Not part of
# tests/run.sh.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

skip() {
    echo "skipped: $1"
    exit 0
}

[[ $(id -u) == 0 ]] || skip 'only root can make a root'
command -v debootstrap >/dev/null || skip 'debootstrap is not installed'
unshare --mount --pid --fork true 2>/dev/null || skip 'no namespaces of our own here'
source tests/support/bare_debian_mirror.sh
mirror=$(debian_mirror trixie)
curl -fsS -o /dev/null "${mirror:-none:}dists/trixie/Release" 2>/dev/null ||
    skip 'the mirror that apt uses here has no trixie'
exec tests/support/bare_debian.sh --suite trixie tests/support/redis_tls.sh
