#!/usr/bin/env bash
# Inside a root of Debian (tests/debian_package.sh): makes the package there and writes it to file
# descriptor 3.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source infra/local/install.sh
install_log=/tmp/apt.log install_packages "${build_packages[@]}" dpkg-dev file || { tail -n 20 /tmp/apt.log; exit 1; }
cmake --workflow --preset debian >/tmp/build.log 2>&1 || { tail -n 20 /tmp/build.log; exit 1; }
cat build-debian/*.deb >&3
