#!/bin/sh
# usage: consumer.sh CMAKE BUILD-DIR SOURCE-DIR C-COMPILER C++-COMPILER FLAGS
# Installs stele into a prefix of its own and builds other people's programs against it: by
# find_package(stele) and by pkg-config. Then they exchange a value.
set -eu
cmake=$1 build=$2 here=$3 cc=$4 cxx=$5 flags=$6
work=$(mktemp -d) # not below the build: pkg-config splits flags at the spaces of a path
segment=test.consumer.$$
trap 'rm -rf "$work"; rm -f "/dev/shm/stele.$segment" "/dev/shm/stele.$segment.lock"' EXIT
prefix=$work/prefix

quietly() {
    "$@" >"$work/log" 2>&1 || { echo "FAILED: $*"; cat "$work/log"; exit 1; }
}
exchange() { # writer, reader...
    writer=$1
    value="value of $(basename "$1")"
    shift
    "$writer" "$segment" key "$value" || { echo "FAILED: $writer"; exit 1; }
    for reader in "$@"; do
        got=$("$reader" "$segment" key) || { echo "FAILED: $reader"; exit 1; }
        [ "$got" = "$value" ] || { echo "FAILED: $reader read \"$got\""; exit 1; }
    done
    "$writer" "$segment"
}

quietly "$cmake" --install "$build" --prefix "$prefix"
[ -f "$prefix/include/stele/stele.h" ] || { echo "FAILED: stele.h was not installed"; exit 1; }

quietly "$cmake" -S "$here/consumer" -B "$work/build" "-DCMAKE_PREFIX_PATH=$prefix" \
    "-DCMAKE_C_COMPILER=$cc" "-DCMAKE_CXX_COMPILER=$cxx" "-DCMAKE_C_FLAGS=$flags" \
    "-DCMAKE_CXX_FLAGS=$flags"
quietly "$cmake" --build "$work/build"
exchange "$work/build/embedded" "$work/build/reader_c" "$work/build/reader_cxx"
echo "find_package: ok"

# a program may have names of its own: the library has only stele_ and stelei_
library=$(find "$prefix" -name libstele.a)
nm -g --defined-only "$library" | awk 'NF == 3 { print $3 }' >"$work/names"
grep -q '^stele_store_put$' "$work/names" || { echo "FAILED: no names in $library"; exit 1; }
if grep -vE '^stelei?_' "$work/names"; then
    echo "FAILED: names that are not stele's"
    exit 1
fi
# every one of them is of use: it stands in a public header
while read -r name; do
    grep -rqw "$name" "$prefix/include/stele" || { echo "FAILED: $name is in no header"; exit 1; }
done <"$work/names"
echo "names: ok"

# the tree moved elsewhere
mv "$prefix" "$work/moved"
prefix=$work/moved
quietly "$cmake" -S "$here/consumer" -B "$work/again" "-DCMAKE_PREFIX_PATH=$prefix" \
    "-DCMAKE_C_COMPILER=$cc" "-DCMAKE_CXX_COMPILER=$cxx" "-DCMAKE_C_FLAGS=$flags" \
    "-DCMAKE_CXX_FLAGS=$flags"
quietly "$cmake" --build "$work/again" --target embedded reader_c
exchange "$work/again/embedded" "$work/again/reader_c"
echo "moved: ok"

pc=$(find "$prefix" -name stele.pc)
[ -n "$pc" ] || { echo "FAILED: stele.pc was not installed"; exit 1; }
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
cflags=$(pkg-config --cflags stele)
libs=$(pkg-config --static --libs stele)
# shellcheck disable=SC2086
quietly "$cc" -std=c11 $flags $cflags "$here/consumer/reader.c" $libs -o "$work/reader"
lto=-flto
echo 'int main(void) { return 0; }' | "$cc" -flto -x c - -o "$work/lto" 2>/dev/null || lto=
# shellcheck disable=SC2086
quietly "$cc" -std=c11 $flags $cflags -O2 $lto "$here/consumer/embedded.c" \
    "$here/consumer/own_names.c" $libs -o "$work/embedded" # whose linker looks into everything
exchange "$work/embedded" "$work/reader"
echo "pkg-config: ok"
