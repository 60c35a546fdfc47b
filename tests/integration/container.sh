#!/usr/bin/env bash
# The image (infra/deploy/container): its stages are built from the package by buildah, which needs no
# daemon; the service runs there as nobody on a root that cannot be written. The stages before, which
# start from Debian's image, are what tests/integration/package.sh runs here.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
folder=infra/deploy/container
node=tests/node_modules/node/bin/node

# ---- What is written ----------------------------------------------------------------------------

# That a stage and `scratch` have no tag is no mistake, though the tool takes it for one.
lint() {
    local found
    found=$("$node" tests/node_modules/dockerfilelint/bin/dockerfilelint -o json "$folder/Dockerfile" |
        jq -c '.files[].issues[] | select((.title == "Base Image Missing Tag"
            and (.content | test("^FROM (scratch|package) AS "))) | not)')
    [[ -z $found ]] || { echo "$found"; return 1; }
}

# Prints the file $1 as JSON.
yaml() {
    "$node" --input-type=module -e '
        import { readFileSync } from "node:fs"
        import yaml from "./tests/node_modules/yaml/dist/index.js"
        console.log(JSON.stringify(yaml.parse(readFileSync(process.argv[1], "utf8"))))' "$1"
}

compose_cases() {
    local service stand_in name
    service=$(yaml "$folder/compose.yaml")
    stand_in=$(yaml "$folder/compose.local.yaml")
    holds 'compose: Redis keeps what it acknowledges' "$service" \
        '.services.redis.command | join(" ") | contains("--appendonly yes --appendfsync always")'
    holds 'compose: the volume and the secret are declared' "$service" \
        '(.volumes | has("redis")) and .services.ringback.secrets == ["token"] and (.secrets | has("token"))'
    holds 'compose: it is built from the Dockerfile' "$service" '.services.ringback.build
        == {context: "../../..", dockerfile: "infra/deploy/container/Dockerfile"}'
    for name in $(jq -r '.services.ringback.environment | keys[] | select(startswith("AWS_") | not)' \
        <<<"$service$stand_in" | sort -u); do
        check "compose: $name is a setting" grep -qF "\`$name\`" docs/configuration.md
    done
    begin_stack || not_ok 'the stand-in starts'
    equal 'compose: the stand-in is spoken to as it says' \
        "$(jq -r '.services.ringback.environment | to_entries[] | "export \(.key)=\(.value)"' <<<"$stand_in" |
            grep -v SECRET | sed 's/aws:4566/HERE/' | sort)" \
        "$(sed -e "s/'//g" -e 's/127.0.0.1:[0-9]*/HERE/' "$stack_dir/exports" | grep -v SECRET | sort)"
    end_stack
}

# ---- The image ----------------------------------------------------------------------------------

images() {
    buildah --root "$work/images" --runroot "$work/run" --storage-driver vfs "$@"
}

# What the stages before hand on, made here.
make_contexts() {
    local package=$BUILD_DIR/package local=$BUILD_DIR/package-local handed=$work/local/out/local
    mkdir -p "$work"/package/out/{certificates,data} "$handed/tmp" && chmod 1777 "$handed/tmp"
    CMAKE_C_COMPILER_LAUNCHER=$(command -v ccache)
    export CMAKE_C_COMPILER_LAUNCHER
    infra/deploy/package.sh --no-install --build "$package" &&
        unzip -q "$package/ringback-lambda-$(uname -m).zip" -d "$work/package/out/package" &&
        cp /etc/ssl/certs/ca-certificates.crt "$work/package/out/certificates" &&
        infra/deploy/package.sh --no-install --build "$local" --local && cp -R "$local/package" "$handed"
}

# The stage $1 as an image of that name.
build_stage() {
    images bud --isolation chroot --format docker --build-context package="$work/package" \
        --build-context package-local="$work/local" --file "$folder/Dockerfile" --target "$1" --tag "$1" "$work"
}

# Makes a container of the image $1: sets container and root, where it can be looked into.
make_container() {
    container=$(images from "$1")
    root=$(images mount "$container")
}

# Runs the program as the image says, with the arguments given.
run_there() {
    images run --isolation chroot "$container" -- /var/task/bootstrap "$@" 2>&1
}

image_cases() {
    local config
    check 'image: it is built' build_stage ringback
    config=$(images inspect --type image ringback | jq -c .Docker.config)
    holds 'image: nobody runs it' "$config" '.User == "65532:65532"'
    holds 'image: its health is looked at' "$config" '.Healthcheck.Test == ["CMD", "/var/task/bootstrap",
        "doctor", "--url", "http://127.0.0.1:8080"]'
    make_container ringback
    equal 'image: nothing else is in it' "$(cd "$root" && find . -type f -not -path './var/task/*')" \
        ./etc/ssl/certs/ca-certificates.crt
    equal 'image: it runs' "$(run_there --version)" "$("$ringback" --version)"
    check 'image: without a token it does not answer everybody' grep -q RINGBACK_HTTP_TOKEN_FILE <(run_there serve)
    service_cases
    check 'image of the stand-in: it is built' build_stage local
    make_container local
    equal 'image of the stand-in: it runs' "$(run_there --version)" "$("$ringback" --version)"
    stand_in_cases
}

# ---- What runs in it ----------------------------------------------------------------------------

# Makes work/enter, which runs a command in the root as Docker does with --read-only: only the folder
# $1 can be written.
make_door() {
    printf '%s\n' '#!/bin/sh' "mount --bind '$root' '$root' && mount -o remount,bind,ro '$root' || exit 1" \
        "mount -t tmpfs -o uid=65532,gid=65532,mode=700 tmpfs '$root$1' || exit 1" \
        "exec chroot --userspec=65532:65532 '$root' /var/task/bootstrap \"\$@\"" >"$work/enter"
    chmod +x "$work/enter"
    door=(unshare --mount "$work/enter")
}

service_cases() {
    make_door /data
    begin_stack --engine sqlite::memory: || not_ok 'the stand-in starts'
    export RINGBACK_TRACKER_URL=sqlite:/data/ringback.db
    if ringback="$work/enter" start_daemon serve unshare --mount; then
        check 'service: it answers' curl -fsS "$admin_url/healthz"
        submit "{\"sqlStatement\": \"select 1 -- $marker\"}"
        equal 'service: it takes a request' "$code" 202
        check 'service: and rings back' until_true task_is_closed "$task"
        equal 'service: nobody runs it' "$(stat -c %u "/proc/$daemon_pid")" 65532
        check 'service: it is healthy' "${door[@]}" doctor --url "$RINGBACK_URL"
        stop_daemon "$daemon_pid"
        equal 'service: it stops in order' $? 0
        "${door[@]}" doctor --url "$RINGBACK_URL" >/dev/null
        equal 'service: it is not healthy any more' $? 1
    else
        not_ok 'service: it starts' "$(tail -n 1 "$daemon_log")"
    fi
    end_stack
}

stand_in_cases() {
    make_door /tmp
    stack_dir=$(mktemp -d)
    "${door[@]}" local --listen 127.0.0.1:0 >"$stack_dir/exports" 2>"$stack_dir/local.log" &
    stack_pids+=($!)
    check 'stand-in: it starts' wait_for $! grep -q '^export DB_USER=' "$stack_dir/exports"
    eval "$(cat "$stack_dir/exports")"
    check 'stand-in: it answers' curl -fsS "$AWS_ENDPOINT_URL/_ringback/calls"
    stop_stack
}

# ---- All ----------------------------------------------------------------------------------------

check 'Dockerfile: nothing is to be said against it' lint
compose_cases
check 'the package is there' make_contexts
if [[ $(id -u) != 0 ]]; then
    ok 'skipped: only root can enter another root here'
elif ! unshare --mount mount --bind "$work" "$work" || ! images from scratch >/dev/null; then
    ok 'skipped: there can be no mounts here, and so no containers'
else
    image_cases
fi
secrets_kept 'no token, no SQL and no credential is in a log'
finish
