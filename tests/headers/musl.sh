#!/bin/sh
# usage: musl.sh SOURCE-DIR LIBRARY-DIR CLIENT-INCLUDE-DIR
# The headers and the writer with another libc: under what strict and lax users define, and then a
# value from an embedded writer to a reader. Ends with 77, and says why, where musl-gcc is missing.
set -eu
here=$1 library=$2 client=$3
command -v musl-gcc >/dev/null || { echo "skipped: musl-gcc is not installed (musl-tools)"; exit 77; }
work=$(mktemp -d)
segment=test.musl.$$
trap 'rm -rf "$work"; rm -f "/dev/shm/stele.$segment" "/dev/shm/stele.$segment.lock"' EXIT
ln -s "$library/include" "$work/contract"
ln -s "$client" "$work/client"
ln -s "$library/store" "$work/store"
mkdir "$work/foreign" # what stele itself includes: without the other libc's headers beside it
for header in atomic_ops.h atomic_ops xxhash.h; do
    found=$(echo "#include <${header%.h}.h>" | cc -E - | sed -n "s|^# 1 \"\(.*\)/${header%.h}\.h\".*|\1|p" | head -1)
    cp -r "$found/$header" "$work/foreign/"
done
includes="-I$work/contract -I$work/client -I$work/foreign"
warnings="-Wall -Wextra -Wconversion -Wshadow -Werror"

for flags in "-std=gnu11" "-std=gnu11 -D_GNU_SOURCE" "-std=gnu11 -D_DEFAULT_SOURCE" \
    "-std=c11 -D_GNU_SOURCE" "-std=c17 -D_DEFAULT_SOURCE" "-std=c2x -D_GNU_SOURCE"; do
    # shellcheck disable=SC2086
    musl-gcc $flags $warnings $includes -c "$here/unit_a.c" -o "$work/unit_a.o" ||
        { echo "FAILED: $flags"; exit 1; }
done
# shellcheck disable=SC2086
musl-gcc -std=gnu11 -D_GNU_SOURCE -O1 $warnings $includes "$here/consumer/embedded.c" \
    "$work"/store/*.c -o "$work/embedded"
# shellcheck disable=SC2086
musl-gcc -std=gnu11 -O1 $warnings $includes "$here/consumer/reader.c" -o "$work/reader"
"$work/embedded" "$segment" key value
[ "$("$work/reader" "$segment" key)" = value ] || { echo "FAILED: the value"; exit 1; }
"$work/embedded" "$segment"
if musl-gcc -std=c11 $includes -fsyntax-only "$here/unit_a.c" 2>"$work/said"; then
    echo "FAILED: what cannot be declared was found"
    exit 1
fi
grep -q _DEFAULT_SOURCE "$work/said" || { echo "FAILED: no advice"; cat "$work/said"; exit 1; }
echo "musl: ok"
