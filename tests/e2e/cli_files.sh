#!/bin/sh
# cli_files.sh BUILD_DIRECTORY - load and dump: every byte string there and back in both formats,
# written and read here by an encoder of our own; bad lines, refusals, limits, interrupts, a daemon
# that dies in the middle, pipes that close early.
. "$(dirname "$0")/cli_world.sh"
world_start
tab=$(printf '\t')

# check.py make FILE...: writes the same entries as TSV or JSON lines, by the file's name
# check.py same FILE...: every file has exactly those entries
cat >"$work/check.py" <<'PYTHON'
import base64, json, random, re, sys

def entries():
    made = {b'': b'empty key', b'empty value': b'', bytes(range(256)): bytes(reversed(range(256)))}
    made.update({bytes([i]): bytes([255 - i]) * 3 for i in range(256)})
    made[bytes(i * 7 % 256 for i in range(65535))] = b'a key of 65535 bytes'
    made[b'large'] = random.Random(1).randbytes(1 << 20)
    made.update({('key %d \u20ac' % i).encode(): ('"v"\\%d\t' % i).encode() for i in range(3000)})
    return made

def escape(raw):
    short = {9: b'\\t', 10: b'\\n', 13: b'\\r', 92: b'\\\\'}
    return b''.join(short.get(b) or (b'\\x%02X' % b if b < 32 or b > 126 else bytes([b])) for b in raw)

def unescape(text):
    short = {b't': b'\t', b'n': b'\n', b'r': b'\r', b'\\': b'\\'}
    return re.sub(rb'\\(x..|.)', lambda m: short.get(m[1]) or bytes([int(m[1][1:], 16)]), text)

def member(name, raw):
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {name + '_base64': base64.b64encode(raw).decode()}

def value(line, name):
    return line[name].encode() if name in line else base64.b64decode(line[name + '_base64'], None, True)

def write(name):
    with open(name, 'wb') as file:
        for key, val in entries().items():
            if name.endswith('.jsonl'):
                line = {**member('key', key), **member('value', val), 'other': 1}
                file.write(json.dumps(line).encode() + b'\n')
            else:
                file.write(escape(key) + b'\t' + escape(val) + b'\n')

def read(name):
    got = {}
    for line in open(name, 'rb').read().split(b'\n')[:-1]:
        if line.startswith((b'\\stele\t', b'{"stele":')):
            continue
        if name.endswith('.jsonl'):
            line = json.loads(line)
            key, val = value(line, 'key'), value(line, 'value')
        else:
            key, val = map(unescape, line.split(b'\t'))
        if key in got:
            sys.exit('%s: a key is there twice' % name)
        got[key] = val
    return got

for name in sys.argv[2:]:
    if sys.argv[1] == 'make':
        write(name)
    elif read(name) != entries():
        sys.exit('%s: other entries than expected' % name)
PYTHON

python3 "$work/check.py" make "$work/in.tsv" "$work/in.jsonl"
lines=$(wc -l <"$work/in.jsonl")
for format in tsv jsonl; do
    expect 0 load --create "from-$format" "$work/in.$format"
    out_has "$lines entries stored"; out_has "0 refused, 0 bad lines"; err_empty
    expect 0 verify
    for to in tsv jsonl; do
        expect 0 dump "from-$format" "$work/out.$format.$to"; out_has "$lines entries written"
        expect 0 dump --format "$to" "from-$format"
        sort "$out" >"$work/one"
        sort "$work/out.$format.$to" | cmp - "$work/one" || fail "dump to a file differs"
        python3 "$work/check.py" same "$work/out.$format.$to" || fail "from $format to $to"
    done
done
expect 0 dump from-tsv "$work/again.tsv"
expect 0 --in "$work/again.tsv" load --create third -
expect 0 -o json dump third; cp "$out" "$work/third.jsonl"
python3 "$work/check.py" same "$work/third.jsonl" || fail "dump | load | dump"
expect 0 -o json dump third "$work/third.tsv"; json "d['entries'] == $lines and d['bytes'] > 1 << 20"
expect 0 scan third; cp "$out" "$work/scan.tsv"
python3 "$work/check.py" same "$work/scan.tsv" || fail scan

# bad lines: told by number, counted, and the good ones around them stored
expect 0 create bad
{
    printf 'good\t1\n\nno tab\nbad\\q\t1\n'      # 1, 2 empty, 3, 4
    printf 'two\ttabs\there\nx\\x4\tv\r\n\\x41\tB\r\n' # 5, 6, 7
    printf 'last\tline without a newline'          # 8
} >"$work/bad.tsv"
expect 4 load bad "$work/bad.tsv"; out_has "3 entries stored"; out_has "0 refused, 4 bad lines"
err_has "stele: load bad: line 3: no tab between key and value"
err_has "line 4: the key, at its byte 4: no such escape"
err_has "line 5: more than one tab"
err_has "line 6: the key, at its byte 2"
expect 0 get bad A; out_is B
expect 0 get bad last; out_is "line without a newline"
expect 0 clear --yes bad
expect 4 load --strict bad "$work/bad.tsv"; out_has "1 entries stored"; out_has "1 bad lines"
expect 0 scan bad; out_is "good${tab}1"
cat >"$work/bad.jsonl" <<'LINES'
{"key":"good","value":"1"}
{"key":"no value"}
{"key":1,"value":"1"}
["key","value"]
{"key":"a","value":"b"
{"key_base64":"?","value":"b"}
{"key":"a","key":"b","value":"c"}
{"key":"a","key_base64":"YQ==","value":"c"}
{"key":"\u0000","value_base64":"/w=="}
LINES
expect 4 -o json load bad "$work/bad.jsonl"
json 'd["stored"] == 2 and d["bad_lines"] == 7 and d["refused"] == 0 and d["lines"] == 9'
json_err 'len(lines) == 7 and all(l["status"] == "STELE_EINVAL" for l in lines)'
expect 4 load bad "$work/bad.jsonl"
err_has "line 2: the value is missing"; err_has "line 3: the key is no string"
err_has "line 5: no JSON"; err_has "line 6: the key is not in base64"; err_has "line 8: the key is there twice"
expect 0 get -e bad '\x00'
head -c 1000000 /dev/zero | tr '\0' '\n' | sed 's/^/x/' | head -500 >"$work/many.tsv"
expect 4 load bad "$work/many.tsv"; out_has "500 bad lines"; err_has "only counted"
[ "$(wc -l <"$err")" -eq 21 ] || fail "more than 20 bad lines told one by one"

# limits: a key too long is refused by its line; files that cannot be
printf '%065536d\tv\nfits\tv\n' 0 >"$work/long.tsv"
expect 4 load bad "$work/long.tsv"; out_has "1 entries stored"; err_has "line 1: key, value, name or frame"
expect 0 get bad fits
expect 2 load bad "$work/absent.tsv"; err_has "absent.tsv: No such file"
expect 2 dump bad "$work/absent/x.tsv"; err_has "No such file"
expect 1 load nowhere "$work/bad.tsv"; err_has "no such table"
expect 1 dump nowhere
expect 0 --in /dev/null load bad; out_has "0 entries stored"
[ ! -e /dev/full ] || { expect 4 dump third /dev/full; err_has "No space left"; }
[ ! -e /dev/full ] || {
    got=0
    "$stele" scan third >/dev/full 2>"$err" || got=$?
    [ "$got" -eq 4 ] || fail "scan to a full disk: exit status $got"
}

# a pipe that is closed early: no message, no hanging
"$stele" scan third 2>"$err" | head -n 1 >"$out"
[ ! -s "$err" ] || fail "scan | head: a message"
[ "$(wc -l <"$out")" -eq 1 ] || fail "scan | head: no line"
"$stele" dump third 2>"$err" | head -c 10 >"$out"
[ ! -s "$err" ] || fail "dump | head: a message"

# interrupted in the middle: what was read is stored, and it says how far it was
entries() { "$stele" tables | sed -n "s/^$1$tab\([0-9]*\)$tab.*/\1/p"; }
wait_entries() { # TABLE NUMBER
    waited=0
    while [ "$(entries "$1")" -lt "$2" ]; do
        [ "$waited" -lt 600 ] || fail "the loader did not get on: $(entries "$1") entries"
        waited=$((waited + 1))
        sleep 0.05
    done
}
feed() { # FIRST LAST
    i=$1
    while [ "$i" -le "$2" ]; do
        echo "k$i${tab}v"
        i=$((i + 1))
    done
}
mkfifo "$work/fifo"
expect 0 create slow
for signal in INT:130 TERM:143; do
    "$stele" load slow "$work/fifo" >"$out" 2>"$err" &
    loader=$!
    exec 9>"$work/fifo"
    feed 1 2100 >&9
    wait_entries slow 2048
    kill "-${signal%:*}" "$loader"
    got=0
    wait "$loader" || got=$?
    exec 9>&-
    last="load and SIG${signal%:*}"
    [ "$got" -eq "${signal#*:}" ] || fail "$last: exit status $got"
    err_has "interrupted after line 2100"
    out_has "2100 entries stored"
    [ "$(entries slow)" -eq 2100 ] || fail "$last: $(entries slow) entries"
    expect 0 clear --yes slow
done

# dump says so too; bench does not leave its table behind
"$stele" dump third "$work/fifo" >"$out" 2>"$err" &
dumper=$!
exec 8<"$work/fifo"
dd bs=1 count=1 <&8 >/dev/null 2>&1
kill -INT "$dumper" # it has not written all: the pipe holds less
cat <&8 >/dev/null
exec 8<&-
got=0
wait "$dumper" || got=$?
last="dump and SIGINT"
[ "$got" -eq 130 ] || fail "$last: exit status $got"
err_has "interrupted after"; err_has "is not complete"
"$stele" bench --seconds 60 >"$out" 2>"$err" &
bencher=$!
waited=0
until "$stele" tables | grep -q '^stele-bench'; do
    [ "$waited" -lt 600 ] || fail "bench made no table"
    waited=$((waited + 1))
    sleep 0.05
done
kill -INT "$bencher"
got=0
wait "$bencher" || got=$?
last="bench and SIGINT"
[ "$got" -eq 130 ] || fail "$last: exit status $got"
expect 0 tables
! grep -q '^stele-bench' "$out" || fail "$last: its table is still there"

# the daemon dies in the middle: exit status 3, nothing is said to be stored that is not
"$stele" load slow "$work/fifo" >"$out" 2>"$err" &
loader=$!
exec 9>"$work/fifo"
feed 1 2100 >&9
wait_entries slow 2048
world_kill
(feed 2101 4000 >&9) 2>/dev/null || true # the loader may be gone already
exec 9>&-
got=0
wait "$loader" || got=$?
[ "$got" -eq 3 ] || fail "load and a dead daemon: exit status $got"
last="load and a dead daemon"
err_has "may have been stored or not"
stored=$(sed -n 's/ entries stored.*//p' "$out")
unknown=$(sed -n 's/.*(\([0-9]*\) entries may have.*/\1/p' "$err")
there=$(entries slow)
[ "$stored" -le "$there" ] && [ "$there" -le "$((stored + unknown))" ] ||
    fail "$last: it says $stored and perhaps $unknown, there are $there"

# a full segment: what was stored and what was refused add up
name="$name-small"
world_start --max-bytes 4M
expect 0 -n "$name" -S "$work/sock" create full
python3 -c 'for i in range(12000): print("key%d\t%s" % (i, "v" * 400))' >"$work/full.tsv"
expect 4 -n "$name" -S "$work/sock" -o json load full "$work/full.tsv"
json 'd["stored"] + d["refused"] == 12000 and d["stored"] > 1000 and d["refused"] > 1000'
json_err 'all(l["status"] == "STELE_ENOSPC" for l in lines)'
expect 4 -n "$name" -S "$work/sock" put full big "$(head -c 100000 /dev/zero | tr '\0' x)"
err_has "is full"
expect 0 -n "$name" -S "$work/sock" verify
world_stop
echo "cli_files: all as expected"
