#!/usr/bin/env bash
# The Debian package: made on a Debian of each suite named, installed in a fresh root of it, worked with,
# purged without a trace.
#   tests/debian_package.sh [SUITE...]      default: bookworm trixie
# A root takes a minute or two each; one is for the install, and one more for the build where this
# machine is of another suite. Skipped, with the reason, where no root can be made. CI does it for the
# suite of its machine.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
source tests/support/script.sh
source tests/support/bare_debian_mirror.sh

# Passes, and says what has not been looked at.
skip() {
    ok "# SKIP $1"
    exit 0
}

# Makes the package of the last commit for the suite $1 as the file $2.
make_package() {
    if [[ $1 == "$(debian_here)" ]]; then
        make_package_here "$2"
    else
        tests/support/bare_debian.sh --suite "$1" tests/support/debian_build.sh 3>"$2"
    fi
}

make_package_here() {
    local launcher=()
    command -v ccache >/dev/null && launcher=(env CMAKE_C_COMPILER_LAUNCHER=ccache)
    rm -f build-debian/*.deb
    "${launcher[@]}" cmake --workflow --preset debian >&2 && cp build-debian/*.deb "$1"
}

# lintian's warnings are errors here.
lints() {
    if command -v lintian >/dev/null; then
        lintian --allow-root --fail-on error,warning "$1"
    fi
}

# Read to its end before it begins, so that an edit does not disturb a run.
main() {
    local suite mirror
    [[ $(id -u) == 0 ]] || skip 'only root can make a root'
    command -v debootstrap >/dev/null || skip 'debootstrap is not installed'
    unshare --mount --pid --fork true 2>/dev/null || skip 'no namespaces of our own here'
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    for suite; do
        mirror=$(debian_mirror "$suite")
        if ! curl -fsS -o /dev/null "${mirror:-none:}dists/$suite/Release" 2>/dev/null; then
            ok "# SKIP $suite: the mirror that apt uses here does not have it"
            continue
        fi
        check "$suite: the package is made" make_package "$suite" "$work/ringback_$suite.deb"
        check "$suite: lintian takes it" lints "$work/ringback_$suite.deb"
        tests/support/bare_debian.sh --suite "$suite" tests/support/debian_installed.sh \
            4<"$work/ringback_$suite.deb" >"$work/said" || failed_count=$((failed_count + 1))
        sed -nE "s/^((not )?ok) /\1 $suite: /p" "$work/said"
    done
    finish
}

(($# > 0)) || set -- bookworm trixie
main "$@"
