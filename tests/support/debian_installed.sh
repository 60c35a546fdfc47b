#!/usr/bin/env bash
# Inside a fresh root of Debian (tests/debian_package.sh): installs the package that comes on file
# descriptor 4, with what it depends on and nothing else, works with it, and purges it.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
export DEBIAN_FRONTEND=noninteractive
package=/tmp/ringback.deb
settings=/etc/ringback/ringback.env
pids=()
trap 'kill "${pids[@]}" 2>/dev/null' EXIT
cat <&4 >"$package"

# Where apt runs as a user of its own it must be able to read it.
chmod 644 "$package"

quietly() {
    "$@" >/tmp/said 2>&1 || { tail -n 20 /tmp/said; return 1; }
}

# Waits up to 30 s until the command that follows succeeds.
until_true() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# Prints the reply to method $1 of the URL $2 with the body $3: there is no curl here.
http() {
    local rest=${2#http://} body=${3:-} address
    address=${rest%%/*}
    exec 5<>"/dev/tcp/${address%:*}/${address##*:}" || return
    printf '%s /%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
        "$1" "${rest#*/}" "$address" "${#body}" "$body" >&5
    sed '1,/^\r$/d' <&5
    exec 5>&-
}

address_of() {
    sed -nE "s/.*\"message\":\"listening\",\"name\":\"$2\",\"address\":\"([^\"]+)\".*/\1/p" "$1" | grep .
}

no_library_missing() {
    ! ldd /usr/bin/ringback | grep 'not found'
}

# ---- Work ---------------------------------------------------------------------------------------

# The stand-in and the service as the unit starts it, but for the sandbox. Not in a subshell: who
# calls needs what it sets.
start_service() {
    ringback local --listen 127.0.0.1:0 >/tmp/exports 2>/tmp/local.log &
    pids+=($!)
    until_true grep -q '^export DB_USER=' /tmp/exports || return
    # shellcheck source=/dev/null
    source /tmp/exports
    mkdir -p /var/lib/private/ringback && ln -s private/ringback /var/lib/ringback
    printf 'first:%s\n' "$(head -c 32 /dev/urandom | base64)" >/etc/ringback/key
    (
        export RINGBACK_TRACKER_URL=sqlite:/var/lib/ringback/ringback.db RINGBACK_KEY_FILE=/etc/ringback/key
        set -a
        # shellcheck source=/dev/null
        source "$settings"
        exec ringback serve --http-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0
    ) >/dev/null 2>/tmp/serve.log &
    pids+=($!)
    until_true address_of /tmp/serve.log http || return
    RINGBACK_URL=http://$(address_of /tmp/serve.log http)
    export RINGBACK_URL
}

task_succeeded() {
    http GET "$AWS_ENDPOINT_URL/_ringback/tasks" | grep -q '"state":"SUCCEEDED"'
}

rung_back() {
    local token
    token=$(http POST "$AWS_ENDPOINT_URL/_ringback/tasks" '{}' | sed -nE 's/.*"taskToken":"([^"]+)".*/\1/p')
    [[ -n $token ]] || return 1
    ringback submit "{\"sqlStatement\":\"select 1\",\"taskToken\":\"$token\"}" && until_true task_succeeded
}

stop_service() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid"
        wait "$pid" || return
    done
    pids=()
}

# ---- Units --------------------------------------------------------------------------------------

unit_is_fine() {
    local said
    said=$(systemd-analyze verify --man=no --recursive-errors=no "ringback@$1.service" 2>&1)
    echo "$said"
    [[ -z $said ]] && systemd-analyze security --offline=yes --threshold=15 "ringback@$1.service" >/dev/null
}

# ---- What is left -------------------------------------------------------------------------------

# Fails with the paths that have the name: all but this checkout, logs and what apt has fetched.
nothing_left() {
    ! find / -xdev \( -path /root/ringback -o -path /proc -o -path /tmp -o -path /var/log \) -prune \
        -o -name '*ringback*' -print | grep .
}

check 'nothing is there before' nothing_left
check 'apt installs it' quietly apt-get -q -y install --no-install-recommends "$package"
check 'it finds its libraries' no_library_missing
equal 'it says its version' "$(ringback --version)" "ringback $(dpkg-query -W -f '${Version}' ringback | cut -d- -f1)"
check 'a manual page is there' gzip -t /usr/share/man/man1/ringback.1.gz /usr/share/man/man5/ringback.env.5.gz
equal 'no unit is enabled' "$(find /etc/systemd -name '*ringback*')" ''
equal 'settings are not for everybody' "$(stat -c '%a %U' "$settings")" '640 root'
echo 'RINGBACK_WORKERS=2' >>"$settings"
if start_service; then
    ok 'the service starts'
else
    not_ok 'the service starts' "$(tail -n 1 /tmp/serve.log)"
    finish
fi
check 'a caller is rung back' rung_back
equal 'rows are printed' "$(ringback run 'select 6 * 7 as answer' 2>/dev/null | grep -oE '[0-9]+' | tail -n 1)" 42
stop_service
equal 'all end with status 0' $? 0
check 'it installs again' quietly dpkg -i "$package"
check 'changed settings are kept' grep -q '^RINGBACK_WORKERS=2$' "$settings"
check 'systemd is installed' quietly apt-get -q -y install --no-install-recommends systemd
for instance in serve invoker completer; do
    check "systemd takes ringback@$instance" unit_is_fine "$instance"
done
check 'it is removed' quietly apt-get -q -y remove ringback
check 'settings, key and records outlive that' test -f "$settings" -a -f /etc/ringback/key -a -f /var/lib/ringback/ringback.db
check 'it is purged' quietly apt-get -q -y purge ringback
check 'nothing is left' nothing_left
finish
