#!/bin/sh
# readme.sh BUILD_DIRECTORY SOURCE_DIRECTORY COMPILER - what the READMEs tell people to type, taken from
# them and done: the tours of the command line, line by line as they stand, and the C that they show,
# compiled with warnings as errors and run against that daemon. Only the segment has another name.
source=$2
compiler=$3
. "$(dirname "$0")/cli_world.sh"
unset STELE_SOCKET STELE_NAME
XDG_RUNTIME_DIR=$work # where daemon and clients meet by name
export XDG_RUNTIME_DIR

# called as the reader of a README calls them, under a name that is this test's
mkdir "$work/bin"
printf '#!/bin/sh\nexec "%s" --name "%s" "$@" 2>>"%s/log"\n' "$steled" "$name" "$work" >"$work/bin/steled"
printf '#!/bin/sh\nexec "%s" -n "%s" "$@"\n' "$stele" "$name" >"$work/bin/stele"
chmod 755 "$work/bin/steled" "$work/bin/stele"
PATH=$work/bin:$PATH
cd "$work"

run_tour() { # README: each line of the block of commands that begins with steled has to succeed
    sed -n '/^    steled /,/^$/s/^    //p' "$1" >"$work/tour"
    [ "$(wc -l <"$work/tour")" -ge 8 ] || fail "no tour in $1"
    : >"$work/told"
    while IFS= read -r command <&3; do
        case $command in
        until*) # the only line that waits, and a daemon that ends would let it wait for ever
            waited=0
            until stele ping >/dev/null 2>&1; do
                [ "$waited" -lt 600 ] || fail "the daemon of $1 does not answer: $(cat "$work/log")"
                waited=$((waited + 1))
                sleep 0.1
            done
            ;;
        esac
        eval "$command" >"$out" 2>"$err" || fail "$1: $command: exit status $?"
        case $command in
        steled*) daemon=$! ;;
        esac
        { printf '%s\n' "> $command"; cat "$out"; } >>"$work/told"
    done 3<"$work/tour"
}
told() { # LINES: one command of the tour with what it printed
    python3 - "$work/told" "$1" <<'PYTHON' || fail "the tour did not tell '$1': $(cat "$work/told")"
import sys
sys.exit(sys.argv[2] + '\n>' not in open(sys.argv[1], encoding='utf-8').read() + '\n>')
PYTHON
}
end_daemon() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "the daemon did not stop cleanly"
    daemon=
    rm -f "/dev/shm/stele.$name" "/dev/shm/stele.$name.lock"
}

run_tour "$source/client/README.md"
told "get prices EURUSD                   # from the segment: works with the daemon dead
1.0842"
end_daemon

run_tour "$source/README.md"
told "get prices EURUSD              # 1.0842, from shared memory
1.0842"
told "incr hits home 5               # 5; compare-and-swap and the rest: stele --help
5"
told "get index granite              # 3, 17 and 29, each on a line
3
17
29"

# the C of the README: one program, each block in braces of its own
{
    sed -n '/^```c$/,/^```$/p' "$source/README.md" | grep '^#include'
    printf '#include <stdio.h>\nint main(void)\n{\n'
    sed -n '/^```c$/,/^```$/p' "$source/README.md" | sed '/^#include/d; s/^```c$/{/; s/^```$/}/'
    printf 'return 0;\n}\n'
} | sed "s/\"default\"/\"$name\"/" >"$work/snippets.c"
[ "$(grep -c '^{$' "$work/snippets.c")" -ge 4 ] || fail "no C in the README"
for standard in c11 gnu11; do
    "$compiler" -std=$standard -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -I "$source/client/include" \
        -I "$source/libshm/include" "$work/snippets.c" -o "$work/snippets" || fail "the README's C does not compile"
done
expect 0 -n "$name" create stock --type 'u64->u32'
expect 0 -n "$name" put stock 4711 12
"$work/snippets" >"$out" 2>"$err" || fail "the README's C: exit status $?"
last="the README's C"
err_empty
out_is "1.0842
12
3 of 3"
expect 0 -n "$name" get prices GBPUSD; out_is 1.2711
# and it says what does not go
expect 0 -n "$name" drop --yes prices
expect 0 -n "$name" create prices --type 'u8->u8'
"$work/snippets" >"$out" 2>"$err" || fail "the README's C: exit status $?"
err_has "prices/EURUSD: the table holds another type"; err_has "prices/GBPUSD: the table holds another type"
end_daemon
"$work/snippets" >"$out" 2>"$err" || fail "the README's C without a daemon: exit status $?"
err_has "prices/EURUSD: no such segment"; err_has "prices/GBPUSD: "
out_empty
echo "readme: all as expected"
