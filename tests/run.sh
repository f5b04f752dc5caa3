#!/bin/sh
# run.sh - installs what is missing, builds everything and runs every test. Usage:
#   sh tests/run.sh [CTEST ARGUMENTS]     for example: sh tests/run.sh -L unit
# STELE_TEST_SCALE (default 1) scales the time budgets of the long suites. Ends with CTest's summary.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build="$root/build/tests"
. "$root/examples/install.sh"

need_packages cmake make gcc g++ libc6-dev pkg-config libatomic-ops-dev libxxhash-dev check \
    libjansson-dev scdoc python3 procps
want_packages clang libclang-rt-dev # for the fuzzers, and the headers under another compiler
want_packages musl-tools # the headers with another libc

strict=OFF
[ "${CI:-}" = true ] && strict=ON
mkdir -p "$build"
echo "building ..."
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSTELE_WERROR="$strict" \
    >"$build/build.log" 2>&1 || { cat "$build/build.log" >&2; exit 1; }
cmake --build "$build" -j "$(nproc)" >>"$build/build.log" 2>&1 ||
    { grep -E 'error|warning|\*\*\*' "$build/build.log" | head -60 >&2; exit 1; }

cd "$build"
exec ctest --output-on-failure -j "$(nproc)" "$@"
