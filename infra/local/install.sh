# shellcheck shell=bash
# Sourced by the demo and the tests: installs Debian packages that are missing, and only those.

# What a build needs.
# shellcheck disable=SC2034
build_packages=(gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libcjson-dev
    libssl-dev libhiredis-dev libsqlite3-dev libmicrohttpd-dev libpcre2-dev libpq-dev libzstd-dev)

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Installs what is missing of the packages named. What apt-get prints goes to the file $install_log
# when that is set, and is shown only on failure when it is not.
install_packages() {
    local package missing=() log=${install_log:-} status=0
    for package; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]} == 0)) && return
    if ! command -v apt-get >/dev/null; then
        echo "apt-get is not here; what is needed are these packages of Debian 12: ${missing[*]}" >&2
        return 1
    fi
    echo "installing by apt-get: ${missing[*]}"
    [[ -n $log ]] || log=$(mktemp)
    apt_install "${missing[@]}" >"$log" 2>&1 || status=1
    if [[ -z ${install_log:-} ]]; then
        ((status == 0)) || cat "$log" >&2
        rm -f "$log"
    fi
    return "$status"
}

# The services that come with some packages are not started: whoever needs a server starts his own.
apt_install() {
    local policy=/usr/sbin/policy-rc.d status=0
    [[ -e $policy ]] && policy=
    [[ -n $policy ]] && printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
    as_root apt-get -q -y update &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y install --no-install-recommends "$@" || status=1
    [[ -n $policy ]] && as_root rm -f "$policy"
    return "$status"
}
