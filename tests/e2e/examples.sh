#!/bin/sh
# examples.sh BUILD_DIRECTORY: runs every example as its header says and checks what it prints.
set -eu
build=$1
name="examples-$$"
work=$(mktemp -d "${TMPDIR:-/tmp}/stele.examples.XXXXXX")
daemon=
stop() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work" "/dev/shm/stele.$name" "/dev/shm/stele.$name.lock"
}
trap stop EXIT
fail() {
    echo "examples: $*" >&2
    exit 1
}

"$build/daemon/steled" --name "$name" --socket "$work/sock" --max-bytes 64M 2>"$work/log" &
daemon=$!
waited=0
until grep -q ready "$work/log"; do
    [ "$waited" -lt 300 ] || fail "the daemon did not get ready: $(cat "$work/log")"
    waited=$((waited + 1))
    sleep 0.1
done

[ "$("$build/examples/embedded")" = "new-checkout = on" ] || fail embedded
"$build/examples/writer" "$work/sock" prices EURUSD 1.0842 || fail writer
[ "$("$build/examples/reader" prices EURUSD "$name")" = 1.0842 ] || fail reader
"$build/examples/reader" prices GBPUSD "$name" 2>/dev/null && fail "reader of an absent key"

i=0
while [ "$i" -lt 500 ]; do
    printf 'Package: sample-%d\nVersion: %d\nDescription: a record like those of apt\n\n' "$i" "$i"
    i=$((i + 1))
done >"$work/records"
"$build/examples/packages_load" "$work/sock" "$work/names" <"$work/records" | grep -q 'loaded 500 ' ||
    fail packages_load
"$build/examples/packages_read" "$name" "$work/names" 2 >"$work/read" &
reader=$!
"$build/examples/packages_update" "$work/sock" "$name" "$work/names" 1 >"$work/update" ||
    fail "packages_update: $(cat "$work/update")"
wait "$reader" || fail "packages_read: $(cat "$work/read")"
grep -q ' 0 failed, 0 torn' "$work/read" || fail "packages_read: $(cat "$work/read")"
grep -q ' 0 acknowledged writes lost' "$work/update" || fail "packages_update: $(cat "$work/update")"
kill -TERM "$daemon"
wait "$daemon" || fail "the daemon did not stop cleanly"
daemon=
echo "examples: all as expected"
