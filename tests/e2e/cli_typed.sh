#!/bin/sh
# cli_typed.sh BUILD_DIRECTORY - tables of every type from the command line: each verb with numbers,
# structs and lists, the ends of every kind, what is refused and in which words, and every type dumped
# and loaded again.
. "$(dirname "$0")/cli_world.sh"
world_start
tab=$(printf '\t')
big=18446744073709551615
least=-9223372036854775808
most=9223372036854775807

# create: types as text, told when they differ; --max-entries
expect 0 create plain; expect 0 create stock --type 'u64->i64'
expect 1 create stock --type 'u64->i64'; err_is "stele: create stock: already exists"
expect 4 create stock; err_is "stele: create stock: there is one already: u64->i64; wanted: bytes->bytes"
expect 4 -o json create plain --type 'u8->u8'
json_err 'd["status"] == "STELE_ETYPE" and "bytes->bytes; wanted: u8->u8" in d["error"]'
expect 4 create stock --type 'u64->i64,xxh64'; err_has "wanted: u64->i64,xxh64"
expect 4 create stock --type 'u64->i64' --max-entries 5; err_has "wanted: u64->i64, at most 5 entries"
for wrong in u64 '->' 'u64->' 'u64->u65' 'i64->u8' 'u8->list:i64' 'u8->struct:0' 'bytes->u8,identity' \
    'u8 -> u8' 'u8->set:bytes' 'u8->u8,own:3'; do
    expect 2 create wrong --type "$wrong"; err_has "want KEY->VALUE"
done
expect 2 create wrong --max-entries -1; expect 2 create wrong --max-entries x; err_has "want a number"
expect 0 create small --type 'u8->u8,identity' --max-entries 2
expect 0 put small 1 1; expect 0 put small 2 2
expect 4 put small 3 3; err_is "stele: put small/3: the table has reached its limit of entries; it was made with --max-entries 2"
expect 0 put small 2 3; expect 0 get small 2; out_is 3
expect 0 tables
out_is "plain${tab}0${tab}0${tab}bytes->bytes${tab}0
small${tab}2${tab}4${tab}u8->u8,identity${tab}2
stock${tab}0${tab}0${tab}u64->i64${tab}0"
expect 0 -o json tables
json '[(t["type"], t["max_entries"]) for t in d] ==
      [("bytes->bytes", 0), ("u8->u8,identity", 2), ("u64->i64", 0)]'
expect 0 stat; out_has "u8->u8,identity, at most 2"
expect 0 -o json stat
json 'd["tables"][1]["type"] == "u8->u8,identity" and d["tables"][1]["max_entries"] == 2 and
      d["tables"][1]["slots"] == 6'

# put, get, insert, replace, cas, del on numbers: the ends of the kinds, and what lies beyond
expect 0 put stock $big $least; out_empty; err_empty
expect 0 get stock $big; out_is "$least"
expect 0 get --raw stock $big; [ "$(cat "$out")" = "$least" ] && [ "$(wc -l <"$out")" -eq 0 ] ||
    fail "get --raw of a number"
expect 0 -o json get stock $big; out_is "{\"key\":$big,\"value\":$least}"
expect 0 put stock 0 $most; expect 0 get stock 0; out_is $most
expect 0 put stock -0 -7; expect 0 get stock 00; out_is -7
expect 1 get stock 1; err_is "stele: get stock/1: no such key"
expect 2 get stock x; err_has "the key: 'x' is no u64 (0..$big)"
expect 2 get stock -- -1; err_has "the key: '-1' does not fit u64"
expect 2 put stock 18446744073709551616 1; err_has "does not fit u64"
expect 2 put stock 1 9223372036854775808; err_has "the value: '9223372036854775808' does not fit i64"
expect 2 put stock 1 -9223372036854775809; expect 2 put stock 1 1.5; expect 2 put stock 1 ''
expect 2 -o json put stock '' 1; json_err 'd["status"] == "STELE_EINVAL"'
expect 0 insert stock 5 -1; expect 1 insert stock 5 -2; err_is "stele: insert stock/5: already exists"
expect 0 replace stock 5 -3; expect 1 replace stock 6 -3
expect 0 cas stock 5 -3 -4; expect 1 cas stock 5 -3 -4; expect 0 get stock 5; out_is -4
printf -- '-12\n' >"$work/number"
expect 0 --in "$work/number" put stock 5 -; expect 0 get stock 5; out_is -12
printf '1\n2\n' >"$work/number"
expect 2 --in "$work/number" put stock 5 -; err_has "standard input: '1,2' is no i64"
expect 1 -o json del stock 5 77; json 'd == {"deleted": 1, "missing": 1}'
json_err 'd["error"] == "del stock/77: no such key"'

# incr goes by the kind of the value
expect 0 incr stock 9 -- -3; out_is -3
expect 0 -o json incr stock 9 -4; json 'd == {"value": -7}'
expect 0 put stock 9 $most
expect 4 incr stock 9; err_is "stele: incr stock/9: the sum does not fit i64 ($least..$most)"
expect 0 create wide --type 'bytes->u64'
expect 0 put wide k 18446744073709551614; expect 0 incr wide k; out_is $big
expect 0 -o json incr wide k 0; out_is "{\"value\":$big}"
expect 4 incr wide k; err_has "does not fit u64 (0..$big)"
expect 4 incr small 1 255; err_has "does not fit u8 (0..255)"
expect 0 incr small 1 -1; out_is 0; expect 4 incr small 1 -1

# real numbers
expect 0 create real --type 'u16->f64'
for number in 0.1 -2.5e-07 1e+300 5e-324 -0.0 0.30000000000000004 inf nan; do
    expect 0 put real 65535 $number; expect 0 get real 65535; out_is $number
done
expect 0 -o json get real 65535; out_is '{"key":65535,"value":"nan"}'
expect 0 put real 1 -- -inf; expect 0 get real 1; out_is -inf
expect 0 put real 1 1.50; expect 0 -o json get real 1; out_is '{"key":1,"value":1.5}'
expect 0 cas real 1 1.5 2; expect 1 cas real 1 2.0000001 3; expect 0 get real 1; out_is 2
expect 2 put real 1 1e400; err_has "does not fit f64"
expect 2 put real 1 0x1p3; expect 2 put real 65536 1
expect 4 incr real 1; err_is "stele: incr real/1: its values are f64; only whole numbers can be added to"

# structs have their size
expect 0 create struct --type 'bytes->struct:5'
expect 0 put struct k 12345; expect 0 get struct k; out_is 12345
expect 0 put -e struct k '\x00\x01\x02\x03\xff'
expect 0 -o json get struct k; json 'd == {"key": "k", "value_base64": "AAECA/8="}'
expect 2 put struct k 1234; err_has "the value has 4 bytes, not the struct's 5"
printf 123456 >"$work/six"; expect 2 --in "$work/six" put struct k -; err_has "6 bytes"
printf 54321 >"$work/five"; expect 0 --in "$work/five" put struct k -
expect 0 get struct k; out_is 54321
expect 4 incr struct k; err_has "its values are struct"

# lists
expect 0 create docs --type 'bytes->list:u32'
expect 0 append docs pi 3 1 4; out_empty; err_empty
expect 0 -o json append docs pi 1,5 9; json 'd == {"added": 3}'
expect 0 get docs pi; out_is "3
1
4
1
5
9"
expect 0 -o json get docs pi; out_is '{"key":"pi","value":[3,1,4,1,5,9]}'
expect 0 count docs pi; out_is 6; expect 0 -o json count docs pi; json 'd == {"count": 6}'
expect 0 list docs pi --from 4; out_is "5
9"
expect 0 list docs pi --from 1 --limit 2; out_is "1
4"
expect 0 list docs pi --from 6; out_empty; expect 0 list docs pi --from $big; out_empty
expect 0 list docs pi --limit 0; out_empty
expect 0 -o json list docs pi --from 5; json 'd == {"key": "pi", "count": 6, "from": 5, "value": [9]}'
expect 0 -o json list docs pi --from 9; json 'd == {"key": "pi", "count": 6, "from": 9, "value": []}'
expect 0 pop docs pi; out_is 9; expect 0 -o json pop docs pi; json 'd == {"value": 5}'
expect 0 remove docs pi 1; expect 0 swap docs pi 3 4294967295; expect 0 swap docs pi 77 0
expect 0 scan docs; out_is "pi${tab}4,1,4294967295,0"
expect 1 remove docs pi 77; err_is "stele: remove docs/pi: no such key, or no such element"
expect 1 pop docs none; expect 1 count docs none; expect 1 list docs none; expect 1 get docs none
expect 2 append docs pi 4294967296; err_has "the value, element 1: '4294967296' does not fit u32"
expect 2 append docs pi 1 2,x; err_has "element 2: 'x' is no u32"; expect 0 count docs pi; out_is 4
expect 2 append docs pi ''; err_has "lists are never empty"; expect 2 append docs pi; err_has "too few"
expect 2 remove docs pi 1,2; err_has "want one element"; expect 2 remove docs pi -1; expect 2 swap docs pi 1 x
for verb in put insert replace; do
    expect 4 $verb docs pi 1; err_has "the table is bytes->list:u32, and holds lists: see append"
done
expect 4 cas docs pi 1 2; expect 4 incr docs pi
for words in "append stock 1 1" "remove stock 1 1" "swap stock 1 1 2" "pop stock 1" "list stock 1" \
    "count stock 1"; do
    # shellcheck disable=SC2086
    expect 4 $words; err_has "the table is u64->i64, and holds no lists"
done
expect 0 del docs pi; expect 1 count docs pi
seq 100000 >"$work/many"
expect 0 --in "$work/many" append docs many -
expect 0 get docs many; cmp "$out" "$work/many" || fail "100,000 elements came back changed"
expect 0 list docs many --from 99998; out_is "99999
100000"
expect 0 --in "$work/many" append docs many -; expect 0 count docs many; out_is 200000
expect 0 create tags --type 'u8->set:u64'
expect 0 -o json append tags 255 $big 1 $big; json 'd == {"added": 2}'
expect 0 -o json append tags 255 1 2; json 'd == {"added": 1}'
expect 0 -o json get tags 255; out_is "{\"key\":255,\"value\":[$big,1,2]}"
expect 0 swap tags 255 1 2; expect 0 scan tags; out_is "255${tab}$big,2"
expect 2 append tags 256 1; err_has "the key: '256' does not fit u8 (0..255)"
expect 0 pop tags 255; expect 0 pop tags 255; out_is $big; expect 1 pop tags 255
expect 0 scan tags; out_empty

# scan: --prefix is for byte strings
expect 0 scan stock --keys; sort -n "$out" >"$work/keys"
printf '0\n9\n%s\n' $big | cmp - "$work/keys" || fail "scan --keys of numbers"
expect 0 -o json scan stock --keys --limit 1; json 'list(d) == ["key"] and type(d["key"]) is int'
expect 2 scan stock --prefix 1; err_has "--prefix is for byte strings; the keys of this table are u64"
expect 0 append docs malt 7; expect 0 scan docs --prefix mal; out_is "malt${tab}7"
expect 0 scan docs --prefix m --keys; [ "$(wc -l <"$out")" -eq 2 ] || fail "scan --prefix --keys of lists"

# load: lines of the table's type; --create with --type; what is there must be as they say
cat >"$work/in.tsv" <<LINES
1${tab}5
2${tab}-5
x${tab}1
3${tab}1.0
4${tab}$most
4,5${tab}1
LINES
expect 4 load --create --type 'u64->i64' loaded "$work/in.tsv"; out_has "3 entries stored"; out_has "3 bad lines"
err_has "line 3: the key: 'x' is no u64"; err_has "line 4: the value: '1.0' is no i64"
err_has "line 6: the key: '4,5' is no u64"
cat >"$work/in.jsonl" <<LINES
{"key":$big,"value":"$least"}
{"value":-6,"key":"2","other":1e999}
{"key":1.0,"value":1}
{"key":1,"value":true}
{"key":7,"value":9223372036854775808}
LINES
expect 4 -o json load --create loaded "$work/in.jsonl"; json 'd["stored"] == 2 and d["bad_lines"] == 3'
json_err '[l["error"].split(": ", 3)[2] for l in lines] == ["the key", "the value is no number", "the value"]'
expect 0 get loaded $big; out_is "$least"; expect 0 get loaded 2; out_is -6
expect 4 load --create --type 'u64->u64' loaded "$work/in.tsv"; err_has "there is one already: u64->i64; wanted: u64->u64"
expect 4 load --max-entries 3 loaded "$work/in.tsv"; err_has "wanted: u64->i64, at most 3 entries"
expect 1 load nowhere "$work/in.tsv"
printf '1\t1\n2\t2\n3\t3\n' >"$work/three.tsv"
expect 4 load --create --type 'u8->u8' --max-entries 2 two "$work/three.tsv"; out_has "2 entries stored"
err_has "line 3: the table has reached its limit of entries"
printf 'a\t1,2\na\t3\nb\t\nc\t4,\n' >"$work/lists.tsv"
expect 4 load --create --type 'bytes->list:u8' lists "$work/lists.tsv"; out_has "2 entries stored"
err_has "line 3: the value has no element"; err_has "line 4: the value, element 2: '' is no u8"
expect 0 scan lists; out_is "a${tab}1,2,3"
expect 4 load --strict lists "$work/lists.tsv"; out_has "1 bad lines"
expect 0 count lists a; out_is 6

# every type there and back: made here, loaded, dumped in both formats, loaded again, and the same
# types.py make DIRECTORY     writes entries of every type, N.tsv, and prints the lines "N TYPE"
# types.py same DIRECTORY     N.tsv, N.out.tsv and N.out.jsonl mean the same
cat >"$work/types.py" <<'PYTHON'
import base64, itertools, json, random, re, struct, sys

keys = 'bytes u8 u16 u32 u64'.split()
values = 'bytes u8 u16 u32 u64 i64 f64 struct:7 list:u8 list:u16 list:u32 list:u64 set:u32 set:u64'.split()
types = list(itertools.product(keys, values))
widths = {'u8': 8, 'u16': 16, 'u32': 32, 'u64': 64}
is_text = lambda kind: kind == 'bytes' or kind.startswith('struct')

def words(kind, count):
    top = 1 << widths[kind]
    return [0, 1, top - 1, top // 2] + [random.randrange(top) for _ in range(count)]

def reals(count):
    ends = [0x0, 1 << 63, 1, 0x7ff << 52, 0xfff << 52, 0x7ff8 << 48, 0x7ff0 << 48 | 1, (1 << 64) - 1]
    for bits in ends + [random.getrandbits(64) for _ in range(count)]:
        number = struct.unpack('<d', struct.pack('<Q', bits))[0]
        rest, sign = bits & (1 << 52) - 1, '-' if bits >> 63 else ''
        if number == number:
            yield repr(number)
        else: # Python's text of it would lose the bits
            yield sign + ('nan' if rest == 1 << 51 else 'nan(0x%x)' % rest)

def escape(raw):
    return ''.join('\\x%02x' % b for b in raw)

def texts(kind, count):
    if is_text(kind):
        lengths = [int(kind[7:])] if kind[0] == 's' else range(40)
        return [escape(random.randbytes(random.choice(lengths))) for _ in range(count)]
    if kind == 'f64':
        return list(reals(count))
    if kind == 'i64':
        return [str(word - (1 << 63)) for word in words('u64', count)]
    if ':' in kind:
        element = kind.split(':')[1]
        lists = [random.sample(words(element, 60), random.randrange(1, 50)) for _ in range(count)]
        return [','.join(map(str, dict.fromkeys(one) if kind[0] == 's' else one)) for one in lists]
    return [str(word) for word in words(kind, count)]

def unescape(text):
    short = {'t': 9, 'n': 10, 'r': 13, '\\': 92}
    parts = re.findall(rb'\\x(..)|\\(.)|([^\\])', text.encode(), re.S)
    return bytes(int(x, 16) if x else short[e.decode()] if e else c[0] for x, e, c in parts)

def real(number):
    return number if 'nan' in str(number) else float(number).hex()

def from_text(kind, text):
    return (unescape(text) if is_text(kind) else real(text) if kind == 'f64'
            else list(map(int, text.lstrip('=').split(','))))

def from_json(kind, name, line):
    if is_text(kind):
        return line[name].encode() if name in line else base64.b64decode(line[name + '_base64'], None, True)
    return real(line[name]) if kind == 'f64' else line[name] if ':' in kind else [line[name]]

def entries(pairs):
    pairs = list(pairs)
    found = {repr(key): value for key, value in pairs}
    return found if len(found) == len(pairs) else sys.exit('a key is there twice')

def read(name, key, value):
    lines = open(name, encoding='utf-8', newline='\n').read().split('\n')[:-1]
    lines = [l for l in lines if not l.startswith(('\\stele\t', '{"stele":'))]
    if name.endswith('jsonl'):
        lines = map(json.loads, lines)
        return entries((from_json(key, 'key', l), from_json(value, 'value', l)) for l in lines)
    lines = (l.split('\t') for l in lines)
    return entries((from_text(key, k), from_text(value, v)) for k, v in lines)

random.seed(4)
for number, (key, value) in enumerate(types):
    made = '%s/%d.tsv' % (sys.argv[2], number)
    if sys.argv[1] == 'make':
        print(number, key + '->' + value)
        with open(made, 'w') as file:
            for k, v in zip(dict.fromkeys(texts(key, 100)), itertools.cycle(texts(value, 100))):
                file.write(k + '\t' + v + '\n')
    elif any(read('%s/%d.out.%s' % (sys.argv[2], number, format), key, value) != read(made, key, value)
             for format in ('tsv', 'jsonl')):
        sys.exit('%s->%s: other entries came back' % (key, value))
PYTHON
python3 "$work/types.py" make "$work" >"$work/types"
[ "$(wc -l <"$work/types")" -eq 70 ] || fail "not all types were made"
while read -r number type; do
    table=$work/$number
    expect 0 load --create --type "$type" "t$number" "$table.tsv"; err_empty
    expect 0 dump "t$number" "$table.out.tsv"
    expect 0 dump "t$number" "$table.out.jsonl"
    entries_of() { grep -v '^\\stele' "$1" | sort; }
    entries_of "$table.out.tsv" >"$work/sorted"
    for format in tsv jsonl; do
        expect 0 load --create --type "$type" "t$number.$format" "$table.out.$format"; err_empty
        expect 0 dump "t$number.$format"
        entries_of "$out" | cmp - "$work/sorted" || fail "$type: other entries by way of $format"
    done
done <"$work/types"
python3 "$work/types.py" same "$work" || fail "dumped otherwise than made"
expect 0 verify; out_has "sound: header"; err_empty
expect 0 -o json verify
json 'd["sound"] and all(t["count_compared"] and t["scanned"] == t["count"] for t in d["tables"]) and
      {"u64->f64", "bytes->set:u64", "u8->struct:7"} <= {t["type"] for t in d["tables"]}'
for table in t0 t1 t6 t7 t8 t14 t15 t20 t21 t22; do
    expect 0 bench $table --seconds 0.02; out_has "get"
done

# a long list is dumped on several lines, and loaded as one; also where no frame holds it
seq 300000 >"$work/long"
expect 0 --in "$work/long" append docs long -
expect 0 dump docs "$work/long.tsv"
[ "$(grep -c '^long' "$work/long.tsv")" -gt 1 ] || fail "a long list on one line"
expect 0 load --create --type 'bytes->list:u32' docs2 "$work/long.tsv"
expect 0 get docs2 long; cmp "$out" "$work/long" || fail "the long list came back changed"
world_stop
world_start --max-frame 128K
{ printf 'one\t'; tr '\n' ',' <"$work/long" | head -c 600000 | sed 's/,[0-9]*$//'; echo; } >"$work/one.tsv"
tr ',\t' '\n\n' <"$work/one.tsv" | tail -n +2 >"$work/one"
expect 0 load docs2 "$work/one.tsv"; expect 0 get docs2 one
cmp "$out" "$work/one" || fail "a list that is longer than a frame"
expect 0 --in "$work/one" append docs2 two -; expect 0 get docs2 two; cmp "$out" "$work/one" || fail "append in steps"

# what reads needs no daemon; the rest says so
world_kill
expect 0 get stock $big; out_is "$least"; expect 0 count docs malt; out_is 1
expect 0 list docs2 one --limit 1; out_is 1; expect 0 scan tags; expect 0 verify
for words in "append docs pi 1" "remove docs pi 1" "swap docs pi 1 2" "pop docs pi" "put stock 1 -1" \
    "create t --type u8->u8"; do
    # shellcheck disable=SC2086
    expect 3 $words; err_has "no daemon listens"
done
# damage is found and told: a key that is another one, a list that is longer than its memory
world_start
expect 0 create keyed --type 'u64->u64'
expect 0 put keyed 1234567890123456789 9876543210987654321; expect 0 put keyed 5 6
expect 0 create listed --type 'u64->list:u64'
expect 0 append listed 77 1234567890123456789 2
expect 0 verify; out_has "table keyed: 2 entries scanned and found again, count compared; 0 faults"
world_stop
damage() { # WORDS NUMBER WORD: in the segment, of the only place with these words, replaces one
    python3 - "/dev/shm/stele.$name" "$@" <<'PYTHON'
import struct, sys
words, number, word = map(int, sys.argv[2].split()), int(sys.argv[3]), int(sys.argv[4])
with open(sys.argv[1], 'r+b') as file:
    data, wanted = file.read(16 << 20), b''.join(struct.pack('<Q', word) for word in words)
    assert data.count(wanted) == 1
    file.seek(data.find(wanted) + 8 * number)
    file.write(struct.pack('<Q', word))
PYTHON
}
# (one of two buckets may well be where that other key belongs: then the next one)
key=1234567890123456789
other=$key
sound=0
while [ "$sound" -eq 0 ]; do
    [ "$other" -lt 1234567890123456889 ] || fail "100 keys that all belong where they stand"
    damage "$other 9876543210987654321" 0 $((other + 1)) || fail "found no key"
    other=$((other + 1))
    "$stele" verify >"$out" 2>"$err" || sound=$?
done
last="verify of a table with another key"
[ "$sound" -eq 4 ] || fail "$last: exit status $sound"
err_has "verify keyed: "; out_has "NOT SOUND"
damage "$other 9876543210987654321" 0 $key || fail "lost the key"
expect 0 verify
damage "2 1234567890123456789 2" 0 1000000000000 || fail "found no list"
expect 4 verify; err_has "verify listed: "; out_has "NOT SOUND"
expect 3 get listed 77; err_is "stele: get listed/77: what stands there is damaged; stele verify says where, and stele dump --all saves what can be read"
expect 3 list listed 77
damage "1000000000000 1234567890123456789 2" 0 2 || fail "lost the list"
expect 0 verify

# a hash function that only the program which embeds the writer has
python3 - "/dev/shm/stele.$name" <<'PYTHON'
import sys
with open(sys.argv[1], 'r+b') as file:
    descriptor = file.read(1 << 20).find(b'keyed' + bytes(59)) - 64
    assert descriptor > 0 and descriptor % 256 == 0
    file.seek(descriptor + 16 + 2) # of {key kind, value kind, hash, flags}
    file.write(b'\x40')
PYTHON
expect 0 tables; out_has "u64->u64,own:64"
expect 4 get keyed 5; err_has "hash function is not registered here"
expect 4 scan keyed; expect 4 dump keyed; expect 4 bench keyed
expect 0 verify; out_has "table keyed: its hash function is a program's own, not known here: not scanned"
expect 0 -o json verify
json '[t["hash_known"] for t in d["tables"] if t["name"] in ("keyed", "listed")] == [False, True]'
echo "cli_typed: all as expected"
