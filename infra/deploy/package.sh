#!/usr/bin/env bash
# Makes the package for AWS Lambda (custom runtime, provided.al2023), which the container image holds
# as well: `bootstrap`, which is ringback, and in lib/ the C library and its loader. Everything else
# is linked in (docs/decisions/0010-static-but-for-the-c-library.md).
#   infra/deploy/package.sh [--build FOLDER] [--sources FOLDER] [--local] [--no-install]
# --build       where all is made (build-package): FOLDER/ringback-lambda-ARCH.zip, and the same
#               unpacked as FOLDER/package
# --sources     source packages of curl, libmicrohttpd and cjson (FOLDER/sources); Debian's newest are
#               fetched when there are none. The same sources give the same bytes, in any folder.
# --local       with `ringback local`, for a laptop: FOLDER/package alone, with Debian's libraries as
#               they are, all of them shared
# --no-install  installs no Debian packages
# The package is for the machine's own processor: for Lambda's arm64 run it on arm64, for example on
# Graviton or in CodeBuild. It runs from /var/task, where Lambda and the image have it.
#
# To Lambda: runtime provided.al2023, any handler, the zip as code:
#   aws lambda update-function-code --function-name ringback --zip-file fileb://build-package/ringback-lambda-x86_64.zip
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
source "$top/infra/local/install.sh"
source "$top/infra/deploy/libraries.sh"

build=$top/build-package
sources=
local=OFF
install=true
while (($# > 0)); do
    case $1 in
        --build) shift; build=${1:?--build needs a folder} ;;
        --sources) shift; sources=${1:?--sources needs a folder} ;;
        --local) local=ON ;;
        --no-install) install=false ;;
        *) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

machine=$(uname -m)
home=/var/task # Lambda's, for every function
case $machine in
    x86_64) loader=ld-linux-x86-64.so.2 ;;
    aarch64) loader=ld-linux-aarch64.so.1 ;;
    *) echo "package.sh: $machine: Lambda has x86_64 and arm64 (aarch64)" >&2; exit 1 ;;
esac

mkdir -p "$build"
build=$(cd "$build" && pwd)
# No path of this machine may get into the binaries; of two that fit, the later counts.
compile_flags="-ffile-prefix-map=$top=. -ffile-prefix-map=$build=."
# RPATH and not RUNPATH: Lambda sets LD_LIBRARY_PATH to its own, older C library, which comes before
# RUNPATH.
link_flags=-Wl,--as-needed,--gc-sections,--disable-new-dtags,-rpath,$home/lib,--dynamic-linker,$home/lib/$loader

build_program() {
    PKG_CONFIG_PATH=$build/libraries/lib/pkgconfig cmake -S "$top" --preset release -B "$build/release" \
        -DCMAKE_C_FLAGS="$compile_flags" -DCMAKE_EXE_LINKER_FLAGS="$link_flags" \
        -DRINGBACK_LOCAL="$local" &&
        cmake --build "$build/release" --target ringback -- --quiet
}

# The shared libraries that the program needs, and theirs, as the loader finds them.
copy_libraries() {
    local found path
    found=$(cc -print-file-name="$loader")
    "$found" --list "$1" | awk '$2 == "=>" {print $3}' | while read -r path; do
        install -m 644 "$path" "$build/package/lib/$(basename "$path")"
    done
    install -m 755 "$found" "$build/package/lib/$loader"
}

assemble() {
    rm -rf "$build/package"
    mkdir -p "$build/package/lib"
    strip --strip-unneeded -o "$build/package/bootstrap" "$build/release/ringback"
    chmod 755 "$build/package/bootstrap" "$build/package/lib"
    copy_libraries "$build/package/bootstrap"
}

# Sorted names, one time and no owner: the bytes depend on the content alone.
pack() {
    local zip=$build/ringback-lambda-$machine.zip
    find "$build/package" -exec env TZ=UTC touch -h -t 198001010000 {} +
    rm -f "$build/new.zip"
    (cd "$build/package" && find . -type f -printf '%P\n' | LC_ALL=C sort | TZ=UTC zip -q -X -9 "$build/new.zip" -@)
    mv "$build/new.zip" "$zip"
    echo "$zip: $(stat -c %s "$zip") bytes, SHA-256 $(sha256sum "$zip" | cut -d ' ' -f 1)"
}

exec 9>"$build/lock"
flock 9 # one at a time in a folder
! $install || install_packages "${build_packages[@]}" "${package_packages[@]}"
[[ $local == ON ]] || libraries_make "$build/libraries" "${sources:-$build/sources}"
build_program
assemble
[[ $local == ON ]] || pack
