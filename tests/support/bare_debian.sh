#!/usr/bin/env bash
# Proves that a command works on a bare Debian: makes one with debootstrap, copies the last commit
# of this checkout into it, runs the command there as root, and removes it all.
#   tests/support/bare_debian.sh [--suite bookworm] [COMMAND...]     default: tests/run.sh
# Needs root and debootstrap. From the host come only the ways to the network: name servers, where
# apt and npm fetch from and through which proxy, and the certificates that are trusted.
set -euo pipefail
suite=bookworm
[[ ${1:-} == --suite ]] && suite=$2 && shift 2
(($# > 0)) || set -- tests/run.sh
top=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
# shellcheck source=tests/support/bare_debian_mirror.sh
source "$top/tests/support/bare_debian_mirror.sh"

# All that follows happens in namespaces of its own: no mount and no process can stay behind.
if [[ ${BARE_DEBIAN:-} != inside ]]; then
    root=$(mktemp -d "${TMPDIR:-/tmp}/bare-debian.XXXXXX")
    chmod 755 "$root"
    trap 'rm -rf --one-file-system "$root"' EXIT
    BARE_DEBIAN=inside BARE_ROOT=$root \
        unshare --mount --pid --fork --kill-child "$0" --suite "$suite" "$@"
    exit
fi

mirror=$(debian_mirror "$suite")
echo "== debootstrap $suite"
debootstrap --variant=minbase "$suite" "$BARE_ROOT" "${mirror:?apt has no source of Debian here}" \
    >"$BARE_ROOT.log" 2>&1 || { tail -n 20 "$BARE_ROOT.log"; exit 1; }
rm -f "$BARE_ROOT.log"
mount -t proc proc "$BARE_ROOT/proc"
mount --rbind /dev "$BARE_ROOT/dev"
cp --dereference /etc/resolv.conf "$BARE_ROOT/etc/resolv.conf"
cp --dereference /etc/hosts "$BARE_ROOT/etc/hosts"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$BARE_ROOT/etc/host-certificates.crt"
apt-config dump | grep -E '^Acquire::https?::' >"$BARE_ROOT/etc/apt/apt.conf.d/80host" || true
if [[ -n $mirror ]]; then
    rm -f "$BARE_ROOT/etc/apt/sources.list"
    cp --recursive --dereference /etc/apt/sources.list* /etc/apt/auth.conf* "$BARE_ROOT/etc/apt/" 2>/dev/null || true
    # The same mirrors, another suite.
    find "$BARE_ROOT"/etc/apt/sources.list* -type f \( -name '*.list' -o -name '*.sources' \) \
        -exec sed -i "s/\b$(debian_here)\b/$suite/g" {} +
fi
if command -v npm >/dev/null; then
    printf 'registry=%s\ncafile=/etc/host-certificates.crt\n' "$(npm config get registry 2>/dev/null)" \
        >"$BARE_ROOT/root/.npmrc"
fi
mkdir "$BARE_ROOT/root/ringback"
git -C "$top" archive HEAD | tar -x -C "$BARE_ROOT/root/ringback"

echo "== $*"
kept=()
for name in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY; do
    [[ -v $name ]] && kept+=("$name=${!name}")
done
# shellcheck disable=SC2016
env -i "${kept[@]}" HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_EXTRA_CA_CERTS=/etc/host-certificates.crt \
    chroot "$BARE_ROOT" bash -c 'cd /root/ringback && "$@"' bash "$@"
