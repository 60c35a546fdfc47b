# shellcheck shell=bash
# Sourced: where packages of a Debian suite come from.

# Prints the mirror that apt uses here for the suite $1, or for any Debian, which has them all.
debian_mirror() {
    local codename
    for codename in "$1" bookworm trixie; do
        # shellcheck disable=SC2016
        apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename"
    done | head -n 1
}

# The suite of this machine.
debian_here() {
    # shellcheck source=/dev/null
    (source /etc/os-release && echo "${VERSION_CODENAME:-}")
}
