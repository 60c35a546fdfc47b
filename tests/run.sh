#!/usr/bin/env bash
# Builds ringback and runs all its tests; ends with "N passed, N failed".
#   [TEST_TRACKER=KIND] tests/run.sh [--ci] [--no-install]
# --ci          also a second compiler, sanitizers, static analysis, house rules, fuzzing, models, valgrind,
#               and TEST_THOROUGH=1, which makes some scripts do more
# --no-install  take what is installed, fetch nothing
# TEST_TRACKER  the tracker of all stacks: sqlite (the default; then some scripts run on the others as
#               well), redis, redis-cluster, dynamodb
# Installs what is missing (Debian packages, npm packages under tests/), starts every server it
# needs on free ports of 127.0.0.1, and stops it. tests/README.md says how tests are found.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
source infra/local/install.sh
source infra/local/stack.sh
source infra/deploy/libraries.sh
source tests/support/bare_debian_mirror.sh
source tests/support/servers.sh
source tests/support/stages.sh

ci=false
install=true
for argument; do
    case $argument in
        --ci) ci=true ;;
        --no-install) install=false ;;
        *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done

test_packages=(libcmocka-dev ca-certificates curl jq man-db nginx-light openssl postgresql redis-server socat sqlite3
    systemd "${package_packages[@]}" buildah unzip)
ci_packages=(ccache clang clang-format clang-tidy cppcheck debootstrap fish libclang-rt-dev lintian shellcheck spin
    valgrind zsh)
logs=$PWD/build/logs
lane_postgres=()
lane_redis=()
lane_cluster=()
lane_dynamodb=()
mkdir -p "$logs"

# npm comes with some builds of node, and then the package npm conflicts.
node_packages() {
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
}

# The npm packages of tests/package-lock.json; again only when it has changed.
npm_packages() {
    cmp --silent tests/package-lock.json tests/node_modules/.installed-lock && return
    (cd tests && npm ci) && cp tests/package-lock.json tests/node_modules/.installed-lock
}

install_all() {
    local packages=("${build_packages[@]}" "${test_packages[@]}")
    $ci && packages+=("${ci_packages[@]}")
    stage 'Install what is missing'
    # shellcheck disable=SC2046
    install_log=$(log_of apt) install_packages "${packages[@]}" $(node_packages)
    report_status apt $?
    step 'npm ci in tests/' npm_packages
}

# Reports the step $1, which was not run by step, by its exit status $2.
report_status() {
    if (($2 == 0)); then
        report "$1" 1 0 0
    else
        report "$1" 0 1 0
    fi
}

configure() {
    local launcher=()
    command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    cmake --preset "$1" "${launcher[@]}"
}

build_of() {
    if [[ $1 == dev ]]; then
        echo "$PWD/build"
    else
        echo "$PWD/build-$1"
    fi
}

# Configures and builds the preset $1.
build() {
    step "$1: configure" configure "$1" && step "$1: build" cmake --build --preset "$1" -j2 -- --quiet
}

# All test programs, client tests and scripts on the build of the preset $1; the arguments that
# follow are put before every command. Programs that fail each call in turn are long, and ringback has
# one thread there.
suite() {
    local preset=$1 programs=()
    shift
    [[ $preset == tsan ]] && programs=(--label-exclude faults)
    export BUILD_DIR
    BUILD_DIR=$(build_of "$preset")
    step_of_cases "$preset: ctest" ctest_cases "$@" ctest --test-dir "$BUILD_DIR" -j2 \
        "${programs[@]}" --no-tests=ignore --output-on-failure --timeout 600
    list_tests "$preset" >"$logs/tests"
    in_lanes "$logs/tests" one_test "$preset" "$*"
}

# Prints the scripts and client tests for the preset $1, one a line: what it is, the tracker, the file,
# and what it is given. Under a sanitizer clients ask one engine of the stand-in alone, and what runs on
# other trackers are their test programs and chaos.sh.
list_tests() {
    local file sanitized=false
    [[ $1 == dev ]] || sanitized=true
    for file in tests/faults/*.sh tests/integration/*.sh; do
        [[ ! -x $file || $file == */valgrind.sh ]] && continue
        $sanitized && [[ " ${left_out[$1]} " == *" $(basename "$file" .sh) "* ]] && continue
        # shellcheck disable=SC2046
        echo script "${TEST_TRACKER:-sqlite}" "$file" $(chaos_trackers "$file" "$sanitized")
    done
    $sanitized || [[ -n ${TEST_TRACKER:-} ]] || list_backends
    for file in tests/integration/foreign/*.test.mjs; do
        echo "client ${TEST_TRACKER:-sqlite} $file SQLite"
        $sanitized || [[ ! $file =~ $running_sql ]] || echo "client ${TEST_TRACKER:-sqlite} $file PostgreSQL"
    done
}

# Clients whose statements and files come to the stand-in's engine.
running_sql='/(redshift_data|s3|machines)\.test'
# Scripts that a sanitizer would learn nothing from: what others than the program judge, or builds of its
# own; what waits for leases and floods in code that chaos.sh runs through as well. The address sanitizer
# does not need those about threads either, the thread sanitizer none about what is read and written.
elsewhere='units kubernetes template package container manual requests_doc store_trouble kill_serve away capacity'
declare -A left_out=(
    [asan]="$elsewhere admission lost_events many_processes rolling"
    [tsan]="$elsewhere acceptance addresses bad_input bad_shapes cli cloudformation direct results sales_etl shapes"
)

# Chaos ($1) waits for leases most of the time, so it tries all trackers side by side.
chaos_trackers() {
    [[ $1 == */chaos.sh && -z ${TEST_TRACKER:-} ]] || return
    echo sqlite redis
    $2 || echo redis-cluster dynamodb
}

# What asks most of a tracker runs on every one; more of it in CI.
list_backends() {
    local name backend names=(main_job locks)
    $ci && names+=(cloudformation lambda)
    for name in "${names[@]}"; do
        for backend in redis redis-cluster dynamodb; do
            echo "script $backend tests/integration/$name.sh"
        done
    done
}

# One line of list_tests in lane $1, on the build of the preset $2; $3 is put before the command.
# Each lane has servers of its own, where a test may do as it likes.
one_test() {
    local lane=$1 preset=$2 prefix kind=$4 backend=$5 file=$6 name
    read -ra prefix <<<"$3"
    shift 6
    export POSTGRES_URL=${lane_postgres[lane]:-} REDIS_URL=${lane_redis[lane]:-}
    export REDIS_CLUSTER_URL=${lane_cluster[lane]:-} DYNAMODB_URL=${lane_dynamodb[lane]:-}
    export TEST_TRACKER=$backend
    if [[ $kind == script ]]; then
        name="$preset: $file"
        [[ $backend == sqlite ]] || name+=", $backend"
        step_of_cases "$name" script_cases timeout 900 "${prefix[@]}" "$file" "$@"
        return
    fi
    [[ $1 == SQLite ]] && unset POSTGRES_URL
    name="$preset: $(basename "$file" .test.mjs), $1"
    step_of_cases "$name" tap_cases timeout 600 "${prefix[@]}" \
        tests/node_modules/node/bin/node --test --test-reporter=tap "$file"
}

# A sanitizer's reports go to files, so that none is missed in a program that nobody watches.
sanitized_suite() {
    local preset=$1 prefix=() file
    stage "Preset $preset"
    build "$preset" || return
    # The thread sanitizer wants the address space where it has always been.
    [[ $preset == tsan ]] && setarch -R true 2>/dev/null && prefix=(setarch -R)
    export ASAN_OPTIONS=log_path=$logs/$preset.report UBSAN_OPTIONS=print_stacktrace=1
    export TSAN_OPTIONS=log_path=$logs/$preset.report:second_deadlock_stack=1
    rm -f "$logs/$preset.report".*
    suite "$preset" "${prefix[@]}"
    step "$preset: no report" no_reports "$preset"
    unset ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
}

no_reports() {
    ! cat "$logs/$1.report".* 2>/dev/null
}

# The demo named $1 on the engine $2. Its table must have a line for each of its eight invocations.
demo() {
    BUILD_DIR=$(build_of dev) timeout 300 infra/local/demo.sh --no-install --engine "$2" || return
    [[ $(sed '1,/^What happened/d' "$(log_of "$1")" | grep -cE ' (FINISHED|FAILED|ABORTED) .* [0-9]+ ms$') == 8 ]]
}

sources() {
    find infra tracker invoker completer tests -name node_modules -prune -o -name '*.[ch]' -print | sort
}

# Another major version formats otherwise.
formatted() {
    if [[ $(clang-format --version) != *' 14.'* ]]; then
        echo 'not checked: clang-format 14 is the one that counts'
        return
    fi
    sources | xargs clang-format --dry-run -Werror
}

# Prints the findings alone; how clang-tidy came to them is in its own log.
tidy() {
    run-clang-tidy -quiet -p build-clang -j2 "^$PWD/(infra|tracker|invoker|completer|tests)/" \
        >"$logs/clang-tidy.full" 2>&1
    local status=$?
    sed 's/\x1b\[[0-9;]*m//g' "$logs/clang-tidy.full" | grep -E '(error|warning): ' | sort -u
    return "$status"
}

cppcheck_all() {
    cppcheck --project=build-clang/compile_commands.json --enable=warning,performance,portability \
        --inline-suppr --quiet -j2 --error-exitcode=1 --cppcheck-build-dir="$logs"
}

shellcheck_all() {
    find . -name node_modules -prune -o -path './build*' -prune -o -name '*.sh' -print0 |
        xargs -0 shellcheck -x -P SCRIPTDIR/../.. -e SC2317 .ci/run
}

static_checks() {
    stage 'House rules and static analysis'
    step 'layers and house rules' tests/check_layers.sh
    step 'clang-format' formatted
    step 'shellcheck' shellcheck_all
    step 'cppcheck' cppcheck_all
    step 'clang-tidy' tidy
}

fuzz_one() {
    local target=$1 corpus seeds
    corpus=$(mktemp -d)
    seeds=tests/fuzz/corpus/$(basename "$target")
    [[ -d $seeds ]] || seeds=$corpus
    "$target" -max_total_time=20 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$logs/" "$corpus" "$seeds"
    local status=$?
    rm -rf "$corpus"
    return "$status"
}

# One line of the list of targets; which lane has it ($1) does not matter.
fuzz_step() {
    step "fuzz: $(basename "$2"), 20 s" fuzz_one "$2"
}

fuzz() {
    local lanes=(1 2)
    stage 'Fuzzing'
    build fuzz || return
    find build-fuzz/tests/fuzz -maxdepth 1 -type f -executable | sort >"$logs/targets"
    in_lanes "$logs/targets" fuzz_step
}

# Read to its end before it begins, so that an edit does not disturb a run.
main() {
    local lane
    clean_environment
    unset POSTGRES_URL REDIS_URL REDIS_CLUSTER_URL DYNAMODB_URL BUILD_DIR
    $ci && export TEST_THOROUGH=1
    $install && install_all
    servers_init
    trap servers_stop EXIT
    trap 'exit 130' INT TERM
    stage 'Servers'
    for lane in 3 2 1; do
        step "PostgreSQL of lane $lane" start_postgres "$lane"
        lane_postgres[lane]=$POSTGRES_URL
        step "Redis of lane $lane" start_redis "$lane"
        lane_redis[lane]=$REDIS_URL
        step "Redis Cluster of lane $lane" start_redis_cluster "$lane" 0
        lane_cluster[lane]=$REDIS_CLUSTER_URL
        step "dynalite of lane $lane" start_dynalite "$lane"
        lane_dynamodb[lane]=$DYNAMODB_URL
    done

    stage 'Preset dev'
    if build dev; then
        suite dev
        step 'demo, SQLite' demo 'demo, SQLite' sqlite::memory:
        step 'demo, PostgreSQL' demo 'demo, PostgreSQL' "${POSTGRES_URL:-none}"
    fi
    if $ci; then
        stage 'Preset clang'
        build clang
        stage 'Preset release'
        build release
        static_checks
        stage 'Debian package'
        step_of_cases 'Debian package' script_cases timeout 900 tests/debian_package.sh "$(debian_here)"
        sanitized_suite asan
        sanitized_suite tsan
        fuzz
        stage 'Model'
        step_of_cases 'model' script_cases timeout 900 tests/model/check.sh
        stage 'Valgrind'
        export BUILD_DIR=$PWD/build
        step_of_cases 'valgrind' script_cases timeout 900 tests/faults/valgrind.sh
        step_of_cases 'instructions' script_cases timeout 300 tests/bench/instructions.sh
    fi
    summary
}

main
exit
