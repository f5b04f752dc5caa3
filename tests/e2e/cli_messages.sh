#!/bin/sh
# cli_messages.sh BUILD_DIRECTORY - what the command line says when something does not go: what happened, to
# which object, and what to do about it; and nothing that would destroy sound data.
. "$(dirname "$0")/cli_world.sh"
world_start --max-bytes 8M --max-frame 1M
expect 0 create words --type 'u64->i64'; expect 0 create lists --type 'bytes->list:u8'
expect 0 create plain; expect 0 create small --max-entries 1; expect 0 put small a 1
world_key() { head -c "$1" /dev/zero | tr '\0' k; }
says() { # STATUS MESSAGE ARGUMENTS...: the first line of what it says
    status=$1
    message=$2
    shift 2
    expect "$status" "$@"
    [ "$(head -n 1 "$err")" = "stele: $message" ] || fail "$last: expected the message '$message'"
}

# tables and their names
says 2 "create '': invalid argument; names of tables have 1..63 bytes" create ''
says 2 "create $(world_key 60)...: invalid argument; names of tables have 1..63 bytes" create "$(world_key 64)"
says 1 "get nowhere: no such table; stele tables lists them, stele create makes one" get nowhere k
says 1 "load nowhere: no such table; stele tables lists them, stele create makes one" load nowhere /dev/null
says 1 "create plain: already exists" create plain
says 4 "create plain: there is one already: bytes->bytes; wanted: u8->u8" create plain --type 'u8->u8'

# keys, values and types
says 2 "put: the key: 'x' is no u64 (0..18446744073709551615)" put words x 1
says 2 "put: the value: '9223372036854775808' does not fit i64 (-9223372036854775808..9223372036854775807)" \
    put words 1 9223372036854775808
says 4 "append words: the table is u64->i64, and holds no lists" append words 1 2
says 4 "put lists: the table is bytes->list:u8, and holds lists: see append, remove, swap and pop" put lists a 1
says 1 "get plain/absent: no such key" get plain absent
says 1 "insert small/a: already exists" insert small a 2
says 1 "cas small/a: the key holds another value than was expected" cas small a 2 3
says 4 "put small/b: the table has reached its limit of entries; it was made with --max-entries 1" put small b 1

# too large: what, and what the limit is
long=$(world_key 60)...
says 4 "put plain/$long: the key has 65536 bytes; keys have up to 65535" put plain "$(world_key 65536)" v
says 4 "get plain/$long: the key has 65536 bytes; keys have up to 65535" get plain "$(world_key 65536)"
says 4 "del plain/$long: the key has 65536 bytes; keys have up to 65535" del plain "$(world_key 65536)"
head -c 2000000 /dev/zero >"$work/huge"
expect 4 --in "$work/huge" put plain huge -
err_has "put plain: standard input has more than "; err_has " bytes, the most that this daemon takes as a value (steled's --max-frame)"
head -c 1900000 /dev/zero | tr '\0' '1' | sed 's/1/\\x31/g' >"$work/escaped.tsv"
printf 'huge\t' | cat - "$work/escaped.tsv" >"$work/load.tsv"
expect 4 load plain "$work/load.tsv"; err_has "load plain: line 1: "

# the segment is full: what to look at; what is there stays readable and can be erased
head -c 500000 /dev/urandom >"$work/half"
i=0
while [ "$i" -lt 100 ]; do
    got=0
    "$stele" put plain "k$i" - <"$work/half" 2>"$err" || got=$?
    [ "$got" -eq 0 ] || break
    i=$((i + 1))
done
last="put into a full segment"
[ "$got" -eq 4 ] || fail "$last: exit status $got"
err_has "put plain/k$i: "; err_has "stele stat says what it is filled with"
expect 0 get --raw plain k0; cmp -s "$out" "$work/half" || fail "a value of a full segment"
expect 0 del plain k0; expect 0 --in "$work/half" put plain again -

# the command line
says 2 "scan: --limit '18446744073709551616': want a number of 64 bits" scan plain --limit 18446744073709551616
says 2 "get: too few arguments; usage: stele get T K" get plain
says 2 "no such verb: nonsense" nonsense

(STELE_NAME=a/b && says 2 "tables: STELE_NAME 'a/b': want 1..63 letters, digits, '.', '_' or '-'" tables) || exit 1
(STELE_NAME=$(world_key 70) && expect 2 tables) || exit 1 # not the segment of its first 63
(STELE_SOCKET=nowhere && says 2 "ping: STELE_SOCKET 'nowhere': want a path with a '/', at most 107 bytes" ping) || exit 1
(STELE_NAME=a/b && expect 0 tables -n "$name" && expect 0 tables --help) || exit 1

# all or nothing, or how much
expect 0 put plain one 1
expect 2 del words 1 x; expect 0 put words 1 1; expect 2 del words 1 x; expect 0 get words 1; out_is 1
expect 0 create capped --max-entries 18446744073709551615
expect 0 -o json tables; json '[t["max_entries"] for t in d if t["name"] == "capped"] == ["18446744073709551615"]'

# closed streams: nothing that is opened takes their place
expect 0 dump plain "$work/whole.tsv"
got=0
"$stele" dump plain "$work/part.tsv" >&- 2>"$err" || got=$?
last="dump with standard output closed"
[ "$got" -eq 4 ] || fail "$last: exit status $got"
err_has "standard output: Bad file descriptor"
cmp -s "$work/whole.tsv" "$work/part.tsv" || fail "$last: the file has what was printed"
got=0
"$stele" get plain one >&- 2>"$err" || got=$?
[ "$got" -eq 4 ] || fail "get with standard output closed: exit status $got"
"$stele" put plain one 2 <&- >&- 2>&- || fail "put with all streams closed"
expect 0 get plain one; out_is 2
got=0
"$stele" load plain <&- >"$out" 2>"$err" || got=$?
[ "$got" -eq 4 ] || fail "load with standard input closed: exit status $got"
"$stele" verify >"$out" 2>&- || fail "verify with standard error closed"

# files
says 2 "load: /nowhere: No such file or directory" load plain /nowhere
says 2 "load: $work: Is a directory" load plain "$work"; out_empty
says 2 "dump: $work: Is a directory" dump plain "$work"
got=0
"$stele" load plain <"$work" >"$out" 2>"$err" || got=$?
last="load < DIRECTORY"
[ "$got" -eq 4 ] || fail "$last: exit status $got"
err_has "load plain: after line 0: Is a directory"; out_has "0 bad lines"

# daemons and sockets
: >"$work/file"
says 3 "ping: $work/file is no socket" -S "$work/file" ping
says 3 "ping: $work is no socket" -S "$work" ping
expect 3 -S "$work/none" ping; err_has "no daemon listens at $work/none; start one with: steled --name NAME --socket $work/none"
(
    unset STELE_SOCKET # not where its name would have its socket, but the segment tells
    expect 0 ping; out_has "$name at $work/sock: round trip"
) || exit 1
says 2 "ping: the daemon at $work/sock serves the segment '$name', not '$name-2'" -n "$name-2" -S "$work/sock" ping
expect 3 -n "$name-2" get plain k; err_has "there is no segment '$name-2'; start a daemon with: steled --name $name-2, or name another with -n"

# nothing that is said of damage tells to throw everything away at once
world_stop
(
    unset STELE_SOCKET
    says 3 "put: no daemon listens at /run/stele/$name.sock; start one with: steled --name $name" put plain k v
) || exit 1
cp "/dev/shm/stele.$name" "$work/sound"
python3 - "/dev/shm/stele.$name" <<'PYTHON'
import sys
with open(sys.argv[1], 'r+b') as file: # the magic stays
    file.seek(8)
    file.write(b'\xff' * 4088)
PYTHON
for words in "get plain k1" "stat" "tables" "verify" "scan plain" "dump plain" "dump --all"; do
    # shellcheck disable=SC2086
    expect 3 $words
    [ -s "$err" ] || fail "$last: no message"
    ! grep -q "restart with --replace" "$err" || fail "$last: tells to throw it away"
done
cp "$work/sound" "/dev/shm/stele.$name"
expect 0 get --raw plain again; cmp -s "$out" "$work/half" || fail "the sound segment again"
echo "cli_messages: all as expected"
