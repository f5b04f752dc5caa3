#!/bin/sh
# cli_dump.sh BUILD_DIRECTORY - what dump writes makes the same tables again: every type, every option,
# one by one and all at once, in both formats; dumps that are cut off, that do not fit, or of several
# tables. What load does with a pipe that stays open, and with what other programs put into files.
. "$(dirname "$0")/cli_world.sh"
world_start --max-bytes 256M
tab=$(printf '\t')
drop_all() { "$stele" -o json tables | python3 -c '
import json, subprocess, sys
for table in json.load(sys.stdin):
    subprocess.run(sys.argv[1:] + ["drop", "--yes", "--", table["name"]], check=True)' "$stele"; }
entries() { "$stele" tables | sed -n "s/^$1$tab\([0-9]*\)$tab.*/\1/p"; }

# tables of every type: hard keys and values of each kind, with and without hash, maximum and entries
# tables.py make DIRECTORY: writes DIRECTORY/all.jsonl, a dump, by an encoder of its own
# tables.py same FILE FILE: both dumps have the same tables of the same entries, bit for bit
cat >"$work/tables.py" <<'PYTHON'
import base64, itertools, json, re, struct, sys

words = {'u8': 8, 'u16': 16, 'u32': 32, 'u64': 64}
texts = [b'', b'\0', b'\t', b'\n', b'\r\n', b'\\', b'\\stele\tend', b'{"stele":"end"}', b'=1',
         b'\xef\xbb\xbfmark', b'\xff\xfe', bytes(range(256)), '\u20ac'.encode(), b' ', b'-1', b'\x7f']
reals = [0x0, 1 << 63, 1, 1 << 63 | 1, (1 << 52) - 1, 1 << 52, 0x7ff << 52, 0xfff << 52, 0x7ff8 << 48,
         0xfff8 << 48, 0x7ff0 << 48 | 1, (1 << 64) - 1, 0x7fefffffffffffff, 0x3fb999999999999a,
         0x3fd3333333333334, 0x4340000000000001]

def real_text(bits):
    number = struct.unpack('<d', struct.pack('<Q', bits))[0]
    rest, sign = bits & (1 << 52) - 1, '-' if bits >> 63 else ''
    if number == number:
        return number if number - number == 0 else repr(number)
    return sign + ('nan' if rest == 1 << 51 else 'nan(0x%x)' % rest)

def member(name, raw):
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {name + '_base64': base64.b64encode(raw).decode()}

def samples(kind):
    if kind == 'bytes':
        return [member('value', text) for text in texts]
    if kind.startswith('struct:'):
        size = int(kind[7:])
        return [member('value', bytes((i * 37 + n * 11) % 256 for i in range(size))) for n in range(8)]
    if kind == 'f64':
        return [{'value': real_text(bits)} for bits in reals]
    if kind == 'i64':
        return [{'value': n} for n in (-1 << 63, -1, 0, 1, (1 << 63) - 1)]
    if ':' in kind:
        top = 1 << words[kind.split(':')[1]]
        several = [0, top - 1, 1, top // 2] if kind[0] == 's' else [0, 0, top - 1, 1, 0]
        long = min(top, 500 if kind[0] == 's' else 70000 * 8 // words[kind.split(':')[1]])
        return [{'value': [top - 1], 'new': True}, {'value': several, 'new': True},
                {'value': list(range(long)), 'new': True}]
    return [{'value': n} for n in (0, 1, (1 << words[kind]) - 1)]

def keys(kind):
    return samples(kind) if kind == 'bytes' else [{'value': n} for n in (0, 1, 7, 100, (1 << words[kind]) - 1)]

def tables():
    values = 'bytes u8 u16 u32 u64 i64 f64 struct:1 struct:13 list:u8 list:u16 list:u32 list:u64 set:u8 set:u64'
    for key, value in itertools.product('bytes u8 u16 u32 u64'.split(), values.split()):
        for hash in ['', ',xxh64'] + ([',identity'] if key != 'bytes' else []):
            yield key, value, hash

def write(name):
    with open(name, 'w') as file:
        line = lambda **members: file.write(json.dumps(members) + '\n')
        for number, (key, value, hash) in enumerate(tables()):
            names = ['t%d' % number, 'a\tb\n\\%d' % number, '\u20ac %d' % number, '-%d' % number]
            limit = [0, 1000, (1 << 64) - 1][number % 3]
            line(stele='table', name=names[number % 4], type=key + '->' + value + hash, max_entries=limit)
            if number % 5 == 4:
                continue # an empty one
            for k, v in zip(keys(key), itertools.cycle(samples(value))):
                line(**{n.replace('value', 'key'): x for n, x in k.items()}, **v)
        line(stele='end')

def unescape(text):
    short = {'t': 9, 'n': 10, 'r': 13, '\\': 92}
    parts = re.findall(rb'\\x(..)|\\(.)|([^\\])', text.encode(), re.S)
    return bytes(int(x, 16) if x else short[e.decode()] if e else c[0] for x, e, c in parts)

def raw(line, name):
    return line[name].encode() if name in line else base64.b64decode(line[name + '_base64'], None, True)

def real(text): # nan has bits that float() would lose
    return text if 'nan' in str(text) else float(text).hex()

def rows(name): # (is a heading, fields)
    for line in open(name, encoding='utf-8', newline='\n').read().split('\n')[:-1]:
        if name.endswith('.jsonl'):
            line = json.loads(line)
            yield ('stele' in line and 'key' not in line and 'key_base64' not in line), line
        else:
            yield line.startswith('\\stele\t'), line.split('\t')

def read(name):
    found, entries, kinds, ended, is_json = {}, None, None, False, name.endswith('.jsonl')
    for heading, row in rows(name):
        if heading and (row['stele'] if is_json else row[1]) == 'end':
            ended = True
        elif heading:
            table = (raw(row, 'name'), row['type'], row['max_entries']) if is_json else (
                     unescape(row[2]), row[3], int(row[4]))
            kinds, entries = re.split('->|,', table[1]), found.setdefault(table, {})
        else:
            key = raw(row, 'key') if is_json and kinds[0] == 'bytes' else row['key'] if is_json else (
                unescape(row[0]) if kinds[0] == 'bytes' else int(row[0]))
            new = row.get('new', False) if is_json else row[1][:1] == '='
            if kinds[1] == 'bytes' or kinds[1][:6] == 'struct':
                value = raw(row, 'value') if is_json else unescape(row[1])
            elif kinds[1] == 'f64':
                value = real(row['value'] if is_json else row[1])
            elif ':' in kinds[1]:
                value = row['value'] if is_json else list(map(int, row[1].lstrip('=').split(',')))
                value = value if new else entries[key] + value
            else:
                value = int(row['value'] if is_json else row[1])
            entries[key] = value
    return found if ended else sys.exit('%s: it has no end' % name)

if sys.argv[1] == 'make':
    write(sys.argv[2] + '/all.jsonl')
elif read(sys.argv[2]) != read(sys.argv[3]):
    one, other = read(sys.argv[2]), read(sys.argv[3])
    sys.exit('%s' % [(t, one.get(t), other.get(t)) for t in {**one, **other} if one.get(t) != other.get(t)][:1])
PYTHON
python3 "$work/tables.py" make "$work"
count=$(grep -c '"stele": "table"' "$work/all.jsonl")
[ "$count" -eq 210 ] || fail "$count tables were made, not 210"
expect 1 load --all "$work/all.jsonl"; err_has "load t0: no such table"
expect 0 load --all --create "$work/all.jsonl"; err_empty; out_has "in $count tables"
expect 0 dump --all "$work/one.jsonl"; err_empty; out_has "of $count tables written"
python3 "$work/tables.py" same "$work/all.jsonl" "$work/one.jsonl" || fail "load, dump"
expect 0 dump --all; cp "$out" "$work/one.tsv"
python3 "$work/tables.py" same "$work/all.jsonl" "$work/one.tsv" || fail "dump as TSV"
drop_all
expect 0 --in "$work/one.tsv" load --all --create; err_empty
expect 0 -o json dump --all; cp "$out" "$work/two.jsonl"
python3 "$work/tables.py" same "$work/all.jsonl" "$work/two.jsonl" || fail "by way of TSV"
# once more over what is there: nothing is doubled, no list either
expect 0 -o json load --all "$work/two.jsonl"; json "d['tables'] == $count and d['refused'] == 0 and not d['cut']"
expect 0 dump --all "$work/three.tsv"
python3 "$work/tables.py" same "$work/all.jsonl" "$work/three.tsv" || fail "loaded twice"
expect 0 verify; out_has "sound"

# one table at a time, by a pipe: the type and the maximum come along, also of an empty table
"$stele" -o json tables >"$work/tables.json"
for table in t0 t4 t12 t60 t100 t164 t200; do
    for format in tsv jsonl; do
        "$stele" dump --format $format "$table" | "$stele" load --create "copy.$format" >"$out" 2>"$err" ||
            fail "dump | load --create of $table as $format"
        "$stele" dump --format jsonl "$table" | tail -n +2 | sort >"$work/was"
        "$stele" dump --format jsonl "copy.$format" | tail -n +2 | sort | cmp - "$work/was" ||
            fail "the copy of $table by way of $format"
        expect 0 -o json tables
        json "[(t['type'], t['max_entries'], t['entries']) for t in d if t['name'] == 'copy.$format'] ==
              [(t['type'], t['max_entries'], t['entries']) for t in json.load(open('$work/tables.json')) if t['name'] == '$table']"
        expect 0 drop --yes "copy.$format"
    done
done
drop_all

# another type, another maximum: refused, and nothing is stored; --type outdoes the dump
printf '\\stele\ttable\tnums\tu8->u16\t3\n1\t10\n2\t20\n\\stele\tend\n' >"$work/nums.tsv"
expect 0 create other --type 'u64->u64'
expect 4 load other "$work/nums.tsv"
err_is "stele: load other: line 1: the dump is of a table u8->u16, and this one is u64->u64; load it into another table, or with --type 'u64->u64' read its lines as that"
expect 4 load --create other "$work/nums.tsv"; out_has "0 entries stored"
expect 4 -o json load other "$work/nums.tsv" </dev/null; json_err 'd["status"] == "STELE_ETYPE"'
[ "$(entries other)" -eq 0 ] || fail "something was stored"
expect 0 load other --type 'u64->u64' "$work/nums.tsv"; expect 0 get other 2; out_is 20
expect 0 load --create wide --type 'u32->u32' --max-entries 9 "$work/nums.tsv"
expect 0 tables; out_has "wide${tab}2${tab}16${tab}u32->u32${tab}9"
expect 0 load --create nums "$work/nums.tsv"; expect 0 tables; out_has "nums${tab}2${tab}6${tab}u8->u16${tab}3"
expect 4 load nums --max-entries 4 "$work/nums.tsv"; err_has "wanted: u8->u16, at most 4 entries"
expect 0 create roomy --type 'u8->u16'; expect 0 load roomy "$work/nums.tsv" # the table's own maximum stays
expect 0 tables; out_has "roomy${tab}2${tab}6${tab}u8->u16${tab}0"
expect 4 load roomy --create --type 'u8->u8' "$work/nums.tsv"; err_has "there is one already: u8->u16; wanted: u8->u8"
expect 4 load unknown --create --type 'u8->bytes,own:64' "$work/nums.tsv"

# a dump that was cut off says so, wherever it was cut; and what came is stored
expect 0 dump nums "$work/nums.dump"
head -n 2 "$work/nums.dump" >"$work/cut.tsv"
expect 4 load --create cut "$work/cut.tsv"; out_has "1 entries stored"
err_is "stele: load cut: after line 2: the dump ends without its last line: it was cut off, and the rest is missing"
expect 4 -o json load cut "$work/cut.tsv"; json 'd["cut"] and d["stored"] == 1'
expect 0 dump --all "$work/all.tsv"; lines=$(wc -l <"$work/all.tsv")
i=0
while [ "$i" -lt "$lines" ]; do
    head -n "$i" "$work/all.tsv" >"$work/part.tsv"
    expect 4 load --all "$work/part.tsv"
    [ -s "$err" ] || fail "cut behind line $i: no message"
    i=$((i + 1))
done
expect 0 load --all "$work/all.tsv"
# dump itself stopped: what stands behind it in a pipe is told by the missing end
{ "$stele" dump nums | head -n 1; } | "$stele" load nums >"$out" 2>"$err" && fail "dump | head | load"
grep -q "cut off" "$err" || fail "dump | head | load: no message"

# several tables into one; several dumps one behind the other
expect 2 load --all --type 'u8->u8' "$work/all.tsv"; err_has "--type and --max-entries are for one table"
expect 2 load --all nums "$work/all.tsv"; err_has "name none with it"
expect 2 dump --all nums "$work/x"; err_has "name none with it"
expect 2 dump; err_has "too few arguments"; expect 2 load; err_has "too few arguments"
expect 0 create second; expect 0 put second a b
"$stele" dump second >"$work/second.tsv"
cat "$work/second.tsv" "$work/nums.dump" >"$work/both.tsv"
expect 2 load second "$work/both.tsv"; err_has "line 4: another table, nums, begins here; load --all"
expect 0 load --all "$work/both.tsv"; out_has "3 entries stored in 2 tables"
cat "$work/second.tsv" "$work/second.tsv" >"$work/twice.tsv"
expect 0 load second "$work/twice.tsv"
printf 'x\ty\n' >"$work/plain.tsv"
expect 2 load --all "$work/plain.tsv"; err_has "line 1: no table is named here"
cat "$work/second.tsv" "$work/plain.tsv" >"$work/tail.tsv"
expect 2 load --all "$work/tail.tsv"; err_has "line 4: no table is named here"
expect 4 --in /dev/null load --all; err_has "load --all: after line 0: the dump ends without its last line"
printf '\\stele\tview\tx\n' >"$work/new.tsv"
expect 4 load second "$work/new.tsv"; err_has "line 1: no line of a dump that this program knows"
printf '\\stele\ttable\tx\tu8->u128\t0\n1\t1\n' >"$work/new.tsv"
expect 4 load --create later "$work/new.tsv"; err_has "line 1: the dump's type 'u8->u128' is not known here"
expect 1 get later 1 # it was not made
# the format of a dump is that of its first line, unless --format says another
"$stele" -o json dump nums | "$stele" load nums >"$out" 2>"$err" || fail "JSON lines by a pipe"
cp "$work/nums.dump" "$work/nums.jsonl"; expect 0 load nums "$work/nums.jsonl"
expect 4 load nums --format jsonl "$work/nums.jsonl"; err_has "line 1: no JSON"

# a list begins anew where a dump says so; lines without that go on adding
expect 0 create docs --type 'u8->list:u32'
printf '1\t1,2\n1\t3\n' >"$work/docs.tsv"
expect 0 load docs "$work/docs.tsv"; expect 0 load docs "$work/docs.tsv"; expect 0 count docs 1; out_is 6
expect 0 dump docs "$work/docs.dump"; expect 0 load docs "$work/docs.dump"; expect 0 count docs 1; out_is 6
seq 200000 | "$stele" append docs 2 -
expect 0 dump docs "$work/docs.dump"; expect 0 load docs "$work/docs.dump"; expect 0 count docs 2; out_is 200000
printf '2\t=7\n3\t=8\n2\t9\n' >"$work/docs.tsv"
expect 0 load docs "$work/docs.tsv"; out_has "3 entries stored"
expect 0 get docs 2; out_is "7
9"
printf '3\t=\n' >"$work/docs.tsv"; expect 4 load docs "$work/docs.tsv"; expect 0 count docs 3; out_is 1

# what other programs put into files: a byte order mark, carriage returns, zero bytes, no last newline
printf '\357\273\277first\t1\r\nsecond\t2\r\n\r\nthird\t3' >"$work/windows.tsv"
expect 0 load --create windows "$work/windows.tsv"; out_has "3 entries stored"
for key in first second third; do
    expect 0 get --raw windows $key
done
expect 0 get windows first; out_is 1
printf '\357\273\277{"key":"fourth","value":"4"}\r\n' >"$work/windows.jsonl"
expect 0 load windows "$work/windows.jsonl"; expect 0 get windows fourth; out_is 4
printf '\357\273\277\\stele\ttable\tx\tbytes->bytes\t0\r\nfifth\t5\r\n\\stele\tend\r\n' >"$work/windows.tsv"
expect 0 load windows "$work/windows.tsv"; expect 0 get windows fifth; out_is 5
expect 0 put -e windows '\xef\xbb\xbfmark' '\xef\xbb\xbf' # a key that is one comes back
expect 0 scan windows --prefix "$(printf '\357\273\277')"; cp "$out" "$work/mark.tsv"
expect 0 del -e windows '\xef\xbb\xbfmark'; expect 0 load windows "$work/mark.tsv"
expect 0 get -e windows '\xef\xbb\xbfmark'; out_is "$(printf '\357\273\277')"
printf '\377\376k\0\t\0v\0\n\0' >"$work/utf16.tsv"
expect 4 load windows "$work/utf16.tsv"; out_has "0 entries stored"; err_has "line 1: a zero byte"
expect 0 --in /dev/null load --create none; expect 0 tables; out_has "none${tab}0${tab}0${tab}bytes->bytes${tab}0"

# a pipe that stays open holds back nothing, not even one line; nor half of one
expect 0 create live
mkfifo "$work/fifo"
"$stele" load live "$work/fifo" >"$out" 2>"$err" &
loader=$!
exec 9>"$work/fifo"
wait_get() { # KEY VALUE
    waited=0
    until [ "$("$stele" get live "$1" 2>/dev/null)" = "$2" ]; do
        [ "$waited" -lt 600 ] || fail "$1 was held back: $(cat "$err")"
        waited=$((waited + 1))
        sleep 0.05
    done
}
for i in 1 2 3; do
    printf 'key%d\tvalue %d\n' $i $i >&9
    wait_get key$i "value $i"
done
printf 'many\tbefore\nmany\tafter\nhalf\tof a ' >&9; wait_get many after
expect 1 get live half
printf 'line\n' >&9; wait_get half "of a line"
printf 'bad line\nnext\tgood\nlast\twithout a newline' >&9; wait_get next good
exec 9>&-
got=0; wait "$loader" || got=$?
last="load from a FIFO"
[ "$got" -eq 4 ] || fail "$last: exit status $got"
expect 0 get live last; out_is "without a newline"
# a terminal is such a pipe: what was typed is stored at the end of its line, ^D ends it
cat >"$work/typing.py" <<'PYTHON'
import os, pty, subprocess, sys, time
child, fd = pty.fork()
if child == 0:
    os.execv(sys.argv[1], [sys.argv[1], 'load', 'live'])
os.write(fd, b'typed\tby hand\n')
for _ in range(600):
    if subprocess.run([sys.argv[1], 'get', 'live', 'typed'], capture_output=True).stdout == b'by hand\n':
        break
    time.sleep(0.05)
else:
    sys.exit('what was typed was held back')
os.write(fd, b'\x04')
try:
    while os.read(fd, 65536):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
python3 "$work/typing.py" "$stele" >"$out" 2>&1 || fail "load from a terminal"
# the table of an open dump is there with its heading
"$stele" load --all --create "$work/fifo" >"$out" 2>"$err" &
loader=$!
exec 9>"$work/fifo"
printf '\\stele\ttable\tbegun\tu8->u8\t0\n' >&9
waited=0
until "$stele" tables | grep -q "^begun$tab"; do
    [ "$waited" -lt 600 ] || fail "no table: $(cat "$err")"
    waited=$((waited + 1)); sleep 0.05
done
printf '1\t2\n' >&9
kill -INT "$loader"; got=0; wait "$loader" || got=$?
exec 9>&-
[ "$got" -eq 130 ] || fail "load --all and SIGINT: exit status $got"

# a full disk, a full standard output: told, whatever wrote
if [ -e /dev/full ]; then
    expect 4 dump --all /dev/full; err_has "/dev/full: No space left"; err_has "is not complete"
    for words in "dump nums" "dump --all" "scan nums" "get nums 1" "tables" "stat" "list docs 2" \
        "count docs 2" "ping" "verify" "incr other 2" "pop docs 2" "-o json put nums 1 1" "--help" \
        "get --help" "--version"; do
        got=0
        # shellcheck disable=SC2086
        "$stele" $words >/dev/full 2>"$err" || got=$?
        last="stele $words >/dev/full"
        [ "$got" -eq 4 ] || fail "$last: exit status $got"
        err_has "standard output: No space left"
    done
fi

# a program's own hash function: its table is missing, the others are there
drop_all
expect 0 create keyed --type 'u64->u64'; expect 0 put keyed 1 2; expect 0 create last; expect 0 put last k v
world_stop
python3 - "/dev/shm/stele.$name" <<'PYTHON'
import sys
with open(sys.argv[1], 'r+b') as file:
    descriptor = file.read(1 << 20).find(b'keyed' + bytes(59)) - 64
    assert descriptor > 0 and descriptor % 256 == 0
    file.seek(descriptor + 16 + 2)
    file.write(b'\x40')
PYTHON
expect 4 dump --all; err_has "dump keyed: the table's hash function is not registered here"
out_is "\\stele${tab}table${tab}last${tab}bytes->bytes${tab}0
k${tab}v
\\stele${tab}end"
echo "cli_dump: all as expected"
