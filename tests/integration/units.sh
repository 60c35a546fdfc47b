#!/usr/bin/env bash
# What systemd itself says about the units, offline: they are well formed, each of the three daemons is
# an instance, and their exposure is not above what the unit says.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
: "${BUILD_DIR:?}"
units=infra/deploy/systemd
exposure_max=1.1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# A root with systemd's own units, ours and the program.
make_root() {
    mkdir -p "$root/etc/systemd/system" "$root/usr/lib/systemd" "$root/usr/bin" || return
    cp -r /usr/lib/systemd/system "$root/usr/lib/systemd/" &&
        cp "$units"/ringback@.service "$root/etc/systemd/system/" &&
        cp -r "$units"/ringback@completer.service.d "$root/etc/systemd/system/" &&
        cp "$BUILD_DIR/ringback" "$root/usr/bin/"
}

exposed() {
    systemd-analyze security --offline=yes --no-pager --root="$root" --threshold="${exposure_max/./}" "$1" |
        tail -n 1
}

# Silence is consent.
verified() {
    local said
    local status
    said=$(systemd-analyze verify --root="$root" --man=no --recursive-errors=no "$1" 2>&1)
    status=$?
    echo "$said"
    [[ $status == 0 && -z $said ]]
}

# The program knows every instance that the unit's description names.
commands_exist() {
    local command
    for command in serve invoker completer; do
        "$BUILD_DIR/ringback" help "$command" >/dev/null || return 1
    done
}

if ! command -v systemd-analyze >/dev/null; then
    not_ok 'units' 'systemd-analyze (Debian package systemd) is not installed'
    finish
fi
make_root || { not_ok 'a root for the units'; finish; }
for instance in serve invoker completer; do
    check "$instance: systemd has no complaint" verified "ringback@$instance.service"
    check "$instance: exposure is at most $exposure_max" exposed "ringback@$instance.service"
done
check 'each instance is a command' commands_exist
check 'the unit says its exposure' grep -q "security\`: $exposure_max of 10" "$units/ringback@.service"
finish
