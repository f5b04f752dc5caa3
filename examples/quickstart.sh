#!/bin/sh
# quickstart.sh - builds stele, loads every package record that apt knows, lets readers look records
# up in shared memory while a writer keeps updating them, kills the daemon in the middle, starts it
# again, and prints what happened. Takes about fifteen seconds after the build; leaves nothing
# running. Usage: sh examples/quickstart.sh [SECONDS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
seconds=${1:-8}
build="$root/build/quickstart"
. "$here/install.sh"

need_packages cmake make gcc g++ libc6-dev pkg-config libatomic-ops-dev libxxhash-dev libjansson-dev
echo "building ..."
mkdir -p "$root/build"
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DSTELE_BUILD_TESTS=OFF \
    -DSTELE_BUILD_BENCH=OFF >"$root/build/quickstart.log" 2>&1 ||
    { cat "$root/build/quickstart.log" >&2; exit 1; }
cmake --build "$build" -j "$(nproc)" >>"$root/build/quickstart.log" 2>&1 ||
    { tail -40 "$root/build/quickstart.log" >&2; exit 1; }

name="quickstart-$$"
work=$(mktemp -d "${TMPDIR:-/tmp}/stele-quickstart.XXXXXX")
daemon=
readers=
writer=
stop() {
    for process in $readers $writer $daemon; do
        kill "$process" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$work" "/dev/shm/stele.$name" "/dev/shm/stele.$name.lock"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Started with the socket in place when this returns.
start_daemon() {
    : >>"$work/daemon.log" # the daemon's own shell may open it only after we have looked
    "$build/daemon/steled" --name "$name" --socket "$work/sock" --max-bytes 1G \
        2>>"$work/daemon.log" &
    daemon=$!
    waited=0
    while [ "$(grep -c 'ready' "$work/daemon.log")" -lt "$1" ]; do
        kill -0 "$daemon" 2>/dev/null || { cat "$work/daemon.log" >&2; exit 1; }
        [ "$waited" -lt 300 ] || { echo "the daemon did not get ready in 30 s" >&2; exit 1; }
        waited=$((waited + 1))
        sleep 0.1
    done
}

# Every Debian machine has package records; a fresh image may have to fetch the lists first.
records() {
    if [ "$(apt-cache dumpavail 2>/dev/null | grep -c '^Package:')" -gt 5000 ]; then
        apt-cache dumpavail
    else
        cat /var/lib/dpkg/status
    fi
}
if [ "$(apt-cache dumpavail 2>/dev/null | grep -c '^Package:')" -le 5000 ]; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq || true
    elif command -v sudo >/dev/null; then
        sudo apt-get update -qq || true
    fi
fi

start_daemon 1
records | "$build/examples/packages_load" "$work/sock" "$work/names"

stele() {
    "$build/client/cli/stele" --name "$name" --socket "$work/sock" "$@"
}
first=$(stele scan packages --keys --limit 1)
echo "\$ stele get packages $first   # from shared memory, behind 16 bytes of check sum"
stele get --raw packages "$first" | tail -c +17 | head -n 4 | cut -c 1-100

echo "three readers and one writer for $seconds s; the daemon is killed in the middle"
for i in 1 2 3; do
    "$build/examples/packages_read" "$name" "$work/names" "$seconds" >"$work/reader.$i" &
    readers="$readers $!"
done
"$build/examples/packages_update" "$work/sock" "$name" "$work/names" "$seconds" >"$work/writer" &
writer=$!
sleep "$((seconds / 2))"
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
echo "daemon killed (SIGKILL); readers go on; starting another one"
start_daemon 2

result=0
for process in $readers; do
    wait "$process" || result=1
done
readers=
wait "$writer" || result=1
writer=
cat "$work"/reader.* "$work/writer"
sed -n 's/.*\(adopted .*\)/daemon: \1/p' "$work/daemon.log" | tail -1
echo "\$ stele stat"
stele stat
kill -TERM "$daemon"
wait "$daemon" || { echo "the daemon did not stop cleanly" >&2; result=1; }
daemon=
if [ "$result" = 0 ]; then
    echo "OK: no lookup failed or was torn, no acknowledged write was lost"
else
    echo "FAILED: see above" >&2
fi
exit "$result"
