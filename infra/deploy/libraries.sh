# shellcheck shell=bash
# Sourced by package.sh: makes a folder of static libraries for pkg-config to find, from Debian's
# own sources where Debian's archive cannot be linked. Its libcurl and libmicrohttpd want Kerberos,
# LDAP and GnuTLS, of which there are no archives; cJSON has none itself. Why it is done this way:
# docs/decisions/0010.
#   libraries_make FOLDER SOURCES     makes FOLDER/lib; SOURCES holds the source packages, which are
#                                     fetched when it is empty
# The caller sets compile_flags.
# shellcheck disable=SC2034,SC2154

package_packages=(binutils dpkg-dev make xz-utils zip) # what it takes besides a build of ringback
built_libraries=(curl libmicrohttpd cjson)
linked_libraries=(libcrypto libssl sqlite3 libpcre2-8 hiredis libzstd)

# apt-get with lists of its own, which hold sources; it needs no root and changes nothing of the
# machine's. $1 is a folder to work in.
apt_of_sources() {
    local folder=$1 list
    shift
    if [[ ! -d $folder/parts ]]; then
        mkdir -p "$folder/parts" "$folder/lists/partial" "$folder/cache/archives/partial"
        for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
            [[ ! -e $list ]] || sed 's/^deb /deb-src /' "$list" >"$folder/parts/$(basename "${list%.list}").list"
        done
        for list in /etc/apt/sources.list.d/*.sources; do
            [[ ! -e $list ]] || sed 's/^Types: .*/Types: deb-src/' "$list" >"$folder/parts/$(basename "$list")"
        done
    fi
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/parts" \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

# Fetches the newest source packages of this Debian, security updates included, to the folder $1;
# apt checks that they are Debian's.
fetch_sources() {
    local apt status=0
    [[ -z $(find "$1" -name '*.dsc' -print -quit 2>/dev/null) ]] || return 0
    apt=$(mktemp -d)
    rm -rf "$1.part"
    mkdir -p "$1.part"
    apt_of_sources "$apt" update &&
        (cd "$1.part" && apt_of_sources "$apt" source --download-only "${built_libraries[@]}") || status=1
    rm -rf "$apt"
    ((status == 0)) && rm -rf "$1" && mv "$1.part" "$1"
}

# Only what ringback uses: HTTP and HTTPS by OpenSSL, names resolved in a thread. pkg-config is told
# the libraries' names: the paths that CMake writes for them would come too early on the linker's
# command line.
build_curl() {
    cmake_library "$1" "$2" -DHTTP_ONLY=ON -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF \
        -DCURL_USE_OPENSSL=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF \
        -DCURL_ZSTD=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF \
        -DCURL_USE_GSSAPI=OFF -DCURL_DISABLE_COOKIES=ON &&
        sed -i -e "s|^Libs:.*|Libs: -L\${libdir} -lcurl -lssl -lcrypto|" -e '/^Libs.private:/d' \
            "$2/lib/pkgconfig/libcurl.pc"
}

build_cjson() {
    cmake_library "$1" "$2" -DENABLE_CJSON_TEST=OFF
}

build_libmicrohttpd() {
    (mkdir "$1/made" && cd "$1/made" && ../configure CC="${CMAKE_C_COMPILER_LAUNCHER:-} cc" CFLAGS="-O2 $compile_flags" \
        --quiet --prefix="$2" --disable-shared --with-pic --disable-https --disable-bauth --disable-dauth \
        --disable-postprocessor --disable-doc --disable-examples --disable-curl --disable-nls \
        --disable-dependency-tracking &&
        make --silent -C src/microhttpd -j"$(nproc)" install-libLTLIBRARIES &&
        make --silent -C src/include install && make --silent install-pkgconfigDATA)
}

# Builds the source folder $1 by CMake and installs it in $2.
cmake_library() {
    local from=$1 to=$2
    shift 2
    cmake -S "$from" -B "$from/made" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$compile_flags" \
        -DCMAKE_INSTALL_PREFIX="$to" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON "$@" &&
        cmake --build "$from/made" --target install
}

# What pkg-config says of the machine's library $2, with its archive instead of the shared one; $1 is
# where that is put.
link_archive() {
    local folder=$1 name=$2 archive
    archive=lib${name#lib}.a
    ln -s "$(realpath -e "$(cc -print-file-name="$archive")")" "$folder/lib/$archive" || return
    sed "s|^libdir=.*|libdir=$folder/lib|" "$(pkg-config --variable=pcfiledir "$name")/$name.pc" \
        >"$folder/lib/pkgconfig/$name.pc"
}

libraries_make() {
    local folder=$1 sources=$2 name
    [[ ! -e $folder/complete ]] || return 0
    rm -rf "$folder" && mkdir -p "$folder/lib/pkgconfig"
    fetch_sources "$sources" || return
    for name in "${built_libraries[@]}"; do
        dpkg-source --no-check -x "$sources/$name"_*.dsc "$folder/$name" &&
            "build_$name" "$folder/$name" "$folder" || return
        rm -rf "${folder:?}/$name"
    done
    for name in "${linked_libraries[@]}" $(pkg-config --exists hiredis_ssl && echo hiredis_ssl); do
        link_archive "$folder" "$name" || return
    done
    touch "$folder/complete"
}
