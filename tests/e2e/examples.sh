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
    rm -rf "$work" "/dev/shm/stele.$name" "/dev/shm/stele.$name.lock" \
        "/dev/shm/stele.$name.words" "/dev/shm/stele.$name.words.lock"
}
trap stop EXIT
fail() {
    echo "examples: $*" >&2
    exit 1
}

XDG_RUNTIME_DIR=$work # where a daemon and its clients meet by name alone
export XDG_RUNTIME_DIR
sock="$work/stele/$name.sock"
start() {
    "$build/daemon/steled" --name "$name" --max-bytes 64M 2>"$work/log" &
    daemon=$!
    waited=0
    until grep -qs ready "$work/log"; do
        [ "$waited" -lt 300 ] || fail "the daemon did not get ready: $(cat "$work/log")"
        waited=$((waited + 1))
        sleep 0.1
    done
}
start

[ "$("$build/examples/embedded")" = "new-checkout = on" ] || fail embedded
text="the cat saw the other cat and the dog saw it"
[ "$(echo "$text" | "$build/examples/map")" = "6 words: the 3 cat 2 saw 2" ] || fail map
echo "$text" | "$build/examples/map" "$name.words" >"$work/map" || fail "map in a segment"
[ "$(echo "$text" | "$build/examples/map" "$name.words")" = "6 words: the 6 cat 4 saw 4" ] ||
    fail "map of a segment that was there"
"$build/examples/writer" "$sock" prices EURUSD 1.0842 || fail writer
[ "$("$build/examples/reader" prices EURUSD "$name")" = 1.0842 ] || fail reader
"$build/examples/reader" prices GBPUSD "$name" 2>/dev/null && fail "reader of an absent key"
"$build/examples/writer" "$name" prices USDJPY 149.61 || fail "writer by name"
[ "$("$build/examples/reader_cpp" prices "$name" USDJPY)" = 149.61 ] || fail reader_cpp
[ "$("$build/examples/reader_cpp" prices "$name" | sort | tr '\n' ,)" = "EURUSD 1.0842,USDJPY 149.61," ] ||
    fail "reader_cpp of a whole table"
[ "$("$build/examples/reader_cpp" prices "$name" GBPUSD || echo "status $?")" = "status 1" ] ||
    fail "reader_cpp of an absent key"
[ "$("$build/examples/reader_cpp" nothing "$name" 2>/dev/null || echo "status $?")" = "status 3" ] ||
    fail "reader_cpp of an absent table"

"$build/examples/price_board" "$name" 200 2 >"$work/board" || fail "price_board: $(cat "$work/board")"
[ "$(grep -c ' seen, 0 torn' "$work/board")" = 2 ] || fail "price_board: $(cat "$work/board")"
"$build/examples/feature_flags" "$name" 2 >"$work/flags" || fail "feature_flags: $(cat "$work/flags")"
[ "$(grep -c '^worker .* some of' "$work/flags")" = 2 ] || fail "feature_flags: $(cat "$work/flags")"
printf 'a stone slab\nset up in a public place\nthe stone in a place; a stone\n' >"$work/text"
[ "$("$build/examples/inverted_index" stone <"$work/text" | tr '\n' ' ')" = "1 3 " ] ||
    fail inverted_index
[ "$("$build/examples/inverted_index" place stone <"$work/text")" = 3 ] ||
    fail "inverted_index of two words"
"$build/examples/inverted_index" stone marble <"$work/text" && fail "inverted_index of an absent word"

i=0
while [ "$i" -lt 500 ]; do
    printf 'Package: sample-%d\nVersion: %d\nDescription: a record like those of apt\n\n' "$i" "$i"
    i=$((i + 1))
done >"$work/records"
"$build/examples/packages_load" "$sock" "$work/names" <"$work/records" | grep -q 'loaded 500 ' ||
    fail packages_load
"$build/examples/packages_read" "$name" "$work/names" 2 >"$work/read" &
reader=$!
"$build/examples/packages_update" "$sock" "$name" "$work/names" 1 >"$work/update" ||
    fail "packages_update: $(cat "$work/update")"
wait "$reader" || fail "packages_read: $(cat "$work/read")"
grep -q ' 0 failed, 0 torn' "$work/read" || fail "packages_read: $(cat "$work/read")"
grep -q ' 0 acknowledged writes lost' "$work/update" || fail "packages_update: $(cat "$work/update")"

"$build/examples/pipeline" "$name" 1000 >"$work/pipeline" || fail pipeline
[ "$(cat "$work/pipeline")" = "pipeline: 1000 stored, 0 refused, 0 reconnects
vector: 1000 stored, 1000 refused" ] || fail "pipeline: $(cat "$work/pipeline")"
# over the death of a daemon; where that comes late it ends the second half, which does not go on
"$build/examples/pipeline" "$sock" 200000 >"$work/pipeline" 2>&1 &
pipeline=$!
sleep 0.1
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || true
start
wait "$pipeline" || true
grep -q 'pipeline: 200000 stored, 0 refused' "$work/pipeline" || fail "pipeline: $(cat "$work/pipeline")"

kill -TERM "$daemon"
wait "$daemon" || fail "the daemon did not stop cleanly"
daemon=
echo "examples: all as expected"
