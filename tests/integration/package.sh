#!/usr/bin/env bash
# The package for AWS Lambda (infra/deploy/package.sh): the same bytes from any folder, and a function
# that answers every shape of event in a root that holds the package and nothing else of a system.
# Prints what it has measured of the function's start.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
source tests/support/lambda_cases.sh
source tests/support/lambda_shapes.sh
clean_environment

# ---- The package --------------------------------------------------------------------------------

# Builds it here, with what is there of the build before; with TEST_THOROUGH set, also in a folder
# elsewhere, from the start.
build_packages() {
    local here=$BUILD_DIR/package elsewhere=$work/elsewhere
    zip=$here/ringback-lambda-$(uname -m).zip
    check 'it is built' env CMAKE_C_COMPILER_LAUNCHER="$(command -v ccache)" \
        infra/deploy/package.sh --no-install --build "$here"
    [[ -s $zip ]] || not_ok 'there is a zip'
    [[ -n ${TEST_THOROUGH:-} ]] || return 0
    mkdir "$elsewhere"
    cp --parents -R CMakeLists.txt CMakePresets.json completer infra invoker tracker "$elsewhere"
    check 'it is built elsewhere' "$elsewhere/infra/deploy/package.sh" --no-install --sources "$here/sources"
    check 'the same bytes from both' cmp "$zip" "$elsewhere/build-package/${zip##*/}"
    rm -rf "$elsewhere"
}

package_cases() {
    local loader
    loader=$(basename /lib*/ld-linux-*.so.?)
    equal 'it holds the program, the C library and the loader' "$(zipinfo -1 "$zip" | paste -sd ' ')" \
        "bootstrap lib/$loader lib/libc.so.6 lib/libm.so.6"
    equal 'which may be run' "$(zipinfo -l "$zip" | awk '/bootstrap|ld-linux/ {print $1}' | sort -u)" -rwxr-xr-x
    check 'no path of this machine is in it' without_paths
}

without_paths() {
    unzip -p "$zip" bootstrap >"$work/bootstrap" && ! grep -aqF -e "$PWD" -e "$HOME/" "$work/bootstrap"
}

# ---- The root -----------------------------------------------------------------------------------

# Unpacks the zip as Lambda does, into a root with /tmp, with the names that Lambda gives and without
# a device. A C library of another version lies where Lambda's LD_LIBRARY_PATH leads.
make_root() {
    root=$work/root
    mkdir -p "$root"/{etc,lib64,var/task} && mkdir -m 1777 "$root/tmp"
    unzip -q "$zip" -d "$root/var/task"
    echo '127.0.0.1 localhost aws.test store.test' >"$root/etc/hosts"
    echo 'not the C library that was built against' >"$root/lib64/libc.so.6"
    chmod -R go+rX "$work"
}

# The command that runs the function in the root, as a user who is not root where that is possible.
enter_root() {
    if [[ $(id -u) == 0 ]]; then
        function_command=("$(command -v chroot)" --userspec=993:990 "$root" /var/task/bootstrap)
    else
        function_command=("$(command -v unshare)" --map-root-user "$(command -v chroot)" "$root" /var/task/bootstrap)
    fi
}

# Starts the function with the environment that Lambda makes, and the settings given.
start_in_root() {
    start_function PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin TZ=:UTC LANG=en_US.UTF-8 _HANDLER=ringback \
        LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib \
        LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023 \
        AWS_DEFAULT_REGION="$AWS_REGION" AWS_LAMBDA_FUNCTION_NAME=ringback AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128 \
        "$@"
}

stop_function() {
    kill "$function_pid" && wait "$function_pid" 2>/dev/null
}

# ---- What it does there -------------------------------------------------------------------------

shapes_on() {
    local on="package, $1" tracker=$1
    begin_stack --engine sqlite::memory: || not_ok "$on: the stand-in starts"
    [[ $1 != redis ]] || export RINGBACK_TRACKER_URL=${RINGBACK_TRACKER_URL/127.0.0.1/store.test}
    if start_in_root RINGBACK_OVERDUE_SECONDS=1; then
        every_shape
        grep -E '^Vm(HWM|RSS)' "/proc/$function_pid/status" | tr -s '\t ' ' ' | sed "s/^/$on, after all cases: /"
    else
        not_ok "$on: the function starts" "$(tail -n 1 "$stack_dir/lambda.log")"
    fi
    end_stack
}

# A CA, and a certificate of it for aws.test, in work.
make_certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test CA' \
        -keyout "$work/ca.key" -out "$work/ca.crt" &&
        openssl req -newkey rsa:2048 -nodes -subj /CN=aws.test -keyout "$work/tls.key" -out "$work/tls.csr" &&
        openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
            -extfile <(echo subjectAltName=DNS:aws.test) -out "$work/tls.crt"
}

start_tls() {
    make_certificates >"$work/openssl" 2>&1 || { cat "$work/openssl"; return 1; }
    node tests/support/tls_front.mjs "$work/tls.key" "$work/tls.crt" "${AWS_ENDPOINT_URL##*:}" >"$stack_dir/tls" &
    stack_pids+=($!)
    wait_for $! grep -q . "$stack_dir/tls" && tls_url=https://aws.test:$(<"$stack_dir/tls")
}

# The case $1: whether AWS is believed over TLS ($2, yes or no) by a function with the settings that
# follow.
believes() {
    local name=$1 expected=$2 told=no
    shift 2
    if ! start_in_root AWS_ENDPOINT_URL="$tls_url" "$@"; then
        not_ok "$name" "$(tail -n 1 "$stack_dir/lambda.log")"
        return
    fi
    invoke "$(request 'select 1')" seconds=4
    [[ -z $(jq -r '.Id // empty' <<<"$reply") ]] || told=yes
    equal "$name" "$told" "$expected"
    check "$name: one thread" until_true one_thread
    stop_function
}

# The thread that has resolved a name may take a moment to end.
one_thread() {
    (($(thread_count) == 1))
}

tls_cases() {
    local place
    on='package, TLS'
    begin_stack --engine sqlite::memory: || not_ok "$on: the stand-in starts"
    export RINGBACK_TRACKER_URL=sqlite:/tmp/ringback.db
    start_tls || not_ok "$on: there is TLS before the stand-in"
    believes "$on: without certificates nothing is trusted" no
    cp "$work/ca.crt" "$root/tmp/ca.pem"
    believes "$on: AWS_CA_BUNDLE is" yes AWS_CA_BUNDLE=/tmp/ca.pem
    for place in /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/certs/ca-certificates.crt; do
        install -D -m 644 "$work/ca.crt" "$root$place"
        believes "$on: $place is" yes
        openssl x509 -in /etc/ssl/certs/ca-certificates.crt >"$work/other.crt"
        cp "$work/other.crt" "$root/tmp/other.pem"
        believes "$on: AWS_CA_BUNDLE beats it" no AWS_CA_BUNDLE=/tmp/other.pem
        rm "$root$place"
    done
    end_stack
}

# What a start on the tracker $1 takes until the first call of next, chroot's own start included: by
# the clock, and of a processor, which a busy machine does not change. And what lies in memory then.
measure() {
    local i times=() work_times=() memory
    begin_stack --engine sqlite::memory: || not_ok 'the stand-in starts'
    [[ $1 != redis ]] || export RINGBACK_TRACKER_URL=$REDIS_URL
    [[ $1 != dynamodb ]] || use_dynamodb || not_ok 'the store is there'
    [[ $1 != sqlite ]] || export RINGBACK_TRACKER_URL=sqlite:/tmp/ringback.db
    for i in {1..9}; do
        start_in_root || not_ok 'the function starts'
        times+=($(($(curl -sS "$lambda_url/state" | jq .firstNextAt) - function_began)))
        work_times+=($(($(cut -d ' ' -f 1 "/proc/$function_pid/schedstat") / 1000)))
        memory=$(sed -n 's/^VmRSS:[[:space:]]*//p' "/proc/$function_pid/status")
        stop_function
    done
    printf 'start with %s: %s us to the first next, least %s; %s us of processor; %s resident\n' "$1" \
        "$(median "${times[@]}")" "$(printf '%s\n' "${times[@]}" | sort -n | head -n 1)" \
        "$(median "${work_times[@]}")" "$memory"
    end_stack
}

median() {
    printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# ---- All ----------------------------------------------------------------------------------------

build_packages
package_cases
if [[ $(id -u) != 0 ]] && ! unshare --map-root-user true; then
    ok 'skipped: neither root nor a namespace of our own, so no root for the package'
    finish
fi
make_root
enter_root
[[ -z ${REDIS_URL:-} ]] || shapes_on redis
[[ -z ${DYNAMODB_URL:-} ]] || shapes_on dynamodb
tls_cases
measure sqlite
[[ -z ${REDIS_URL:-} ]] || measure redis
[[ -z ${DYNAMODB_URL:-} ]] || measure dynamodb
secrets_kept 'no token, no SQL and no credential is in a log'
finish
