#!/bin/sh
# Measures stele against its peers, on this machine, in one run.
#
#   bench/run.sh [--quick|--full|--local] [--pages 2M|4K|own] [--sizes A,B] [--repetitions N]
#                [--out DIR] [--steled PATH] [--markdown] [ID...]
#
#   --quick     10 K and 1 M keys instead of 10 K, 1 M and 10 M, fewer repetitions through sockets;
#               --full: 50 M too (needs 24 GiB)
#   --local     no peers, and nothing is installed
#   --out       where the results go (default: build/bench-results)
#   --markdown  prints the table at the end
#   ID          R1 R2 R3 R4 R5 R6 R7 R8 M1 W1 W2 W3 W4 A1 S1 S2 S3 S4; all when none is named
#
# Without --local it installs by apt what is missing: the peers and gnuplot.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/bench
out=$root/build/bench-results
local=no
markdown=no

usage() {
    sed -n '2,15s/^# \{0,1\}//p' "$0"
}

# The options that stele-bench takes are handed on as they are; $@ becomes its command line.
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case $argument in
    --help | -h)
        usage
        exit 0
        ;;
    --markdown) markdown=yes ;;
    --local)
        local=yes
        set -- "$@" "$argument"
        ;;
    --out | --pages | --sizes | --repetitions | --lookups | --steled)
        if [ "$count" -eq 0 ]; then
            echo "run.sh: $argument needs a value" >&2
            exit 2
        fi
        if [ "$argument" = --out ]; then
            out=$1
        else
            set -- "$@" "$argument" "$1"
        fi
        shift
        count=$((count - 1))
        ;;
    --out=*) out=${argument#--out=} ;;
    *) set -- "$@" "$argument" ;;
    esac
done

have() {
    command -v "$1" >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        return 1
    fi
}

# Packages of the peers that are not there yet. A peer that cannot be installed is left out.
install_missing() {
    have apt-get && have dpkg-query || return 0
    missing=
    for package in cmake gcc g++ make pkg-config libatomic-ops-dev libxxhash-dev liblmdb-dev \
        libck-dev libdpdk-dev libboost1.81-dev gnuplot-nox redis-server memcached; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "installing$missing" >&2
    as_root apt-get update -q >&2 || true
    for package in $missing; do
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
            --no-install-recommends "$package" >&2 ||
            echo "run.sh: $package could not be installed: going on without" >&2
    done
}

# A run that was killed leaves names behind; those of living processes are left alone.
clean_up() {
    for object in /dev/shm/stele.bench-* /dev/shm/bench-*; do
        [ -e "$object" ] || continue
        pid=${object#*bench-}
        pid=${pid%%-*}
        [ -d "/proc/$pid" ] || rm -rf "$object"
    done
}

draw() { # name of the data and of the picture, script, what it shows
    [ -s "$out/$1.dat" ] || return 0
    for format in svg png; do
        gnuplot -e "data='$out/$1.dat'; output_file='$out/$1.$format'; what='$3'" \
            "$root/bench/plots/$format.gp" "$root/bench/plots/$2.gp" ||
            echo "run.sh: $1.$format could not be drawn" >&2
    done
}

plot() {
    have gnuplot || {
        echo "run.sh: no gnuplot, no plots" >&2
        return 0
    }
    draw latency latency ""
    draw growth growth ""
    draw throughput-1 throughput "1 connection"
    draw throughput-together throughput "1 connection, both ends on one processor"
    draw throughput-20 throughput "20 connections"
}

[ "$local" = yes ] || install_missing
mkdir -p "$build" "$out"
# -U: a peer that was not there when the cache was made may be there now
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DSTELE_BUILD_TESTS=OFF \
    -UBENCH_\* >"$build/configure.log" 2>&1 || {
    cat "$build/configure.log" >&2
    exit 1
}
cmake --build "$build" --target stele-bench -j "$(nproc)" >"$build/build.log" 2>&1 || {
    cat "$build/build.log" >&2
    exit 1
}
trap clean_up EXIT
trap 'exit 130' INT TERM
rm -f "$out"/*.dat "$out/results.md"
status=0
"$build/bench/stele-bench" --out "$out" "$@" || status=$?
[ "$status" -ne 2 ] || exit 2 # wrong arguments: nothing was measured
plot
echo "results: $out" >&2
if [ "$markdown" = yes ] && [ -s "$out/results.md" ]; then
    cat "$out/results.md"
fi
exit "$status"
