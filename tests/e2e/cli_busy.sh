#!/bin/sh
# cli_busy.sh BUILD_DIRECTORY - reading verbs while loaders write the same tables without a pause:
# verify finds no fault, scan and dump miss no key that stays, get never fails; of byte strings, of
# numbers, and of lists, which are appended to ten elements at a time. Three seconds, times
# STELE_TEST_SCALE.
. "$(dirname "$0")/cli_world.sh"
world_start
expect 0 create steady
expect 0 create numbers --type 'u32->u64'
expect 0 create lists --type 'u8->list:u16'
# values of two generations and three lengths; keys that come and go beside them
python3 - "$work" <<'PYTHON'
import sys
for generation in 'ab':
    with open('%s/%s.tsv' % (sys.argv[1], generation), 'w') as file:
        for i in range(20000):
            file.write('key%d\t%s\n' % (i, generation * (10 + i % 3 * 3000 * (i % 100 == 0))))
        for i in range(0 if generation == 'a' else 5000):
            file.write('guest%d\tx\n' % i)
    with open('%s/numbers.%s.tsv' % (sys.argv[1], generation), 'w') as file:
        for i in range(20000):
            file.write('%d\t%d\n' % (i, i + (1 << 63 if generation == 'b' else 0)))
with open('%s/lists.tsv' % sys.argv[1], 'w') as file:
    for i in range(256):
        file.write('%d\t0,1,2,3,4,5,6,7,8,9\n' % i)
PYTHON
expect 0 load steady "$work/a.tsv"
expect 0 load numbers "$work/numbers.a.tsv"
expect 0 load lists "$work/lists.tsv"

end=$(python3 -c 'import os, time; print(time.time() + 3 * float(os.environ.get("STELE_TEST_SCALE") or 1))')
before_end() { python3 -c "import sys, time; sys.exit(time.time() >= $end)"; }
(
    while [ ! -e "$work/done" ]; do
        cat "$work/b.tsv" "$work/a.tsv"
    done | "$stele" load steady >/dev/null
) 2>"$work/writer" &
writer=$!
(
    while [ ! -e "$work/done" ]; do
        "$stele" scan steady --prefix guest --keys | xargs "$stele" del steady 2>/dev/null || true
    done
) &
eraser=$!
(
    while [ ! -e "$work/done" ]; do
        cat "$work/numbers.b.tsv" "$work/numbers.a.tsv"
    done | "$stele" load numbers >/dev/null
) 2>"$work/counter" &
counter=$!
(
    while [ ! -e "$work/done" ]; do
        i=0
        while [ "$i" -lt 20 ]; do
            "$stele" load lists "$work/lists.tsv" >/dev/null
            i=$((i + 1))
        done
        "$stele" scan lists --keys | xargs "$stele" del lists
    done
) 2>"$work/appender" &
appender=$!
rounds=0
written=0
while before_end || { [ "$written" -eq 0 ] && [ "$rounds" -lt 60 ]; }; do
    expect 0 verify; out_has "sound"; err_empty
    ! grep -q "not compared" "$out" || written=$((written + 1))
    expect 0 get steady "key$((rounds % 20000))"
    grep -qE '^(a+|b+)$' "$out" || fail "get: a mixture of two values"
    expect 0 scan steady --prefix key --keys
    [ "$(sort -u "$out" | wc -l)" -eq 20000 ] || fail "scan missed a key"
    expect 0 dump steady "$work/dump.jsonl"
    [ "$(grep '"key":"key' "$work/dump.jsonl" | sort -u -t '"' -k 4,4 | wc -l)" -eq 20000 ] ||
        fail "dump missed a key"
    ! grep -qE '"value":"(a+b|b+a)' "$work/dump.jsonl" || fail "dump: a mixture of two values"
    expect 0 get numbers 77
    grep -qxE '77|9223372036854775885' "$out" || fail "get: a mixture of two numbers"
    expect 0 scan numbers
    [ "$(cut -f 1 "$out" | sort -u | wc -l)" -eq 20000 ] || fail "scan missed a number"
    ! awk -F '\t' 'substr($2, 1, 4) != "9223" && $1 != $2 { bad = 1 } END { exit !bad }' "$out" ||
        fail "scan: a number under another's key"
    expect 0 dump lists "$work/lists.out"
    ! grep -v '^\\stele' "$work/lists.out" | grep -qvxE '[0-9]+.=((0,1,2,3,4,5,6,7,8,9,)*0,1,2,3,4,5,6,7,8,9)' ||
        fail "dump: a list that nobody made"
    expect 0 stat
    rounds=$((rounds + 1))
done
touch "$work/done"
wait "$eraser" || true
wait "$appender" || fail "an appender: $(cat "$work/appender")"
wait "$counter" || fail "a writer of numbers: $(cat "$work/counter")"
wait "$writer" || fail "a writer: $(cat "$work/writer")"
[ "$written" -gt 0 ] || fail "nobody wrote while verify ran"
expect 0 verify; out_has "count compared"
echo "cli_busy: all as expected ($rounds rounds, $written of them written to)"
