#!/bin/sh
# cli_dead.sh BUILD_DIRECTORY - what the command line does when the daemon is killed, stopped, stuck,
# or another one; who may do what; a damaged segment.
. "$(dirname "$0")/cli_world.sh"
world_start
tab=$(printf '\t')
expect 0 create prices
python3 -c 'for i in range(5000): print("key%d\tvalue %d" % (i, i))' >"$work/in.tsv"
expect 0 load prices "$work/in.tsv"
sort "$work/in.tsv" >"$work/sorted.tsv"

reads_work() { # what needs no daemon
    expect 0 get prices key77; out_is "value 77"
    expect 1 get prices absent
    expect 0 scan prices
    sort "$out" | cmp - "$work/sorted.tsv" || fail "scan without a daemon"
    expect 0 dump prices "$work/dumped.tsv"
    grep -v '^\\stele' "$work/dumped.tsv" | sort | cmp - "$work/sorted.tsv" || fail "dump without a daemon"
    expect 0 tables; out_has "prices${tab}5000${tab}"
    expect 0 verify; out_has "sound"; out_has "table prices: 5000 entries"
    expect 0 -o json verify; json 'd["sound"] and d["tables"][0]["scanned"] == 5000'
    expect 0 bench prices --seconds 0.02
}
writes_unavailable() { # ... and what does
    for words in "put prices a b" "insert prices a b" "replace prices key1 b" "cas prices key1 a b" \
        "del prices key1" "incr prices n" "create t" "drop --yes prices" "clear --yes prices" \
        "load prices $work/in.tsv" "ping" "shutdown --yes" "bench"; do
        # shellcheck disable=SC2086
        expect 3 --timeout "$1" $words
        [ -s "$err" ] || fail "$last: no message"
        out_empty
    done
}

# killed
world_kill
reads_work
writes_unavailable 5
expect 0 stat; out_has "does not answer at $work/sock (nobody listens)"; out_has "5000"
expect 0 -o json stat
json 'd["daemon"] is None and d["daemon_status"] == "STELE_ECLOSED" and d["entries"] == 5000 and
      d["heartbeat_age_ms"] >= 0'
sleep 3.1
expect 0 stat; out_has "stopped, stuck or dead"
expect 0 -o json stat; json 'd["writer"] == "silent" and d["heartbeat_age_ms"] > 3000'
(
    unset STELE_NAME
    expect 3 get prices key1; err_has "name the segment with -n"
) || exit 1

# adopted, then stopped in order
world_start
reads_work
expect 0 put prices key77 "value 77"
expect 0 -o json stat; json 'd["epoch"] == 2 and d["writer"] == "alive"'
world_stop
reads_work
writes_unavailable 5
expect 0 stat; out_has "closed the segment in order"
expect 0 -o json stat; json 'd["writer"] == "closed"'

# alive, but not running: the deadline is kept, and the outcome called unknown
world_start
kill -STOP "$daemon"
reads_work
expect 3 --timeout 0.2 put prices a b
expect 3 -o json --timeout 0.2 ping; json_err 'd["status"] == "STELE_ETIMEDOUT"'
expect 0 --timeout 0.2 stat; out_has "does not answer"
kill -CONT "$daemon"
expect 0 ping

# another user: no socket, no segment; with the group, reading and no more
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    mkdir "$work/other"
    cp "$stele" "$work/other/stele"
    chmod 755 "$work" "$work/other" "$work/other/stele"
    as_other="setpriv --reuid=65534 --regid=65534 --clear-groups"
    own=$stele
    cat >"$work/other/run" <<RUN
#!/bin/sh
exec $as_other "$work/other/stele" "\$@"
RUN
    chmod 755 "$work/other/run"
    stele=$work/other/run
    expect 4 get prices key1; err_has "may not read the segment"
    expect 4 put prices a b; err_has "may not open the socket"
    expect 4 -o json ping; json_err 'd["status"] == "STELE_EACCES"'
    world_stop
    world_start --group 65534
    expect 0 get prices key1; out_is "value 1"
    expect 0 ping; out_has "this user may read"
    for words in "put prices a b" "del prices key1" "drop --yes prices" "clear --yes prices" \
        "create t" "load prices $work/other/stele" "bench" "shutdown --yes"; do
        # shellcheck disable=SC2086
        expect 4 $words
        [ "$words" = bench ] || err_has "this user may not do that"
        [ "$words" != bench ] || err_has "administrator's rights"
    done
    world_stop
    world_start --group 65534 --allow-uid 65534
    expect 0 put prices key1 "value 1"
    expect 4 clear --yes prices; err_has "may not do that"
    stele=$own
    expect 0 tables; out_has "prices${tab}5000${tab}"
fi

# damage is found and told: a tag that is wrong hides its key from lookups, not from the scan
world_stop
python3 - "/dev/shm/stele.$name" >"$work/hidden" <<'PYTHON'
import struct, sys
with open(sys.argv[1], 'r+b') as file:
    data = file.read(8 << 20)
    for i in range(5000):
        key = data.find(b'key%d\0' % i + b'\0' * (7 - len('key%d' % i)) + b'value %d\0' % i)
        assert key > 0
        ref = struct.pack('<I', (key - 8) >> 3) # the record begins 8 bytes before its key
        at = data.find(ref)
        # a slot of a line, and a valid one: what a split left behind is not
        while at >= 0 and not (at % 4 == 0 and 24 <= at % 64 < 56 and data[at // 64 * 64 + 8] and
                               data[at // 64 * 64] >> (at % 64 - 24) // 4 & 1):
            at = data.find(ref, at + 1)
        if at >= 0:
            tag = at // 64 * 64 + 8 + (at % 64 - 24) // 4
            file.seek(tag)
            file.write(bytes([data[tag] ^ 0x55]))
            print('key%d' % i)
            break
    else:
        sys.exit('found no bucket')
PYTHON
expect 1 get prices "$(cat "$work/hidden")"
expect 4 verify
err_has "verify prices: key $(cat "$work/hidden"): the scan has it, a lookup says: no such key"
out_has "table prices: 5000 entries"; out_has "NOT SOUND"
python3 - "/dev/shm/stele.$name" <<'PYTHON'
import sys
with open(sys.argv[1], 'r+b') as file: # one key becomes another, which belongs elsewhere
    at = file.read(8 << 20).find(b'key1234\0value 1234')
    assert at > 0
    file.seek(at)
    file.write(b'kez1234')
PYTHON
expect 4 verify; err_has "verify prices: "; out_has "NOT SOUND"
expect 4 -o json verify; json 'not d["sound"] and d["faults"] > 0'
head -c 4096 /dev/zero | dd of="/dev/shm/stele.$name" conv=notrunc bs=4096 status=none
expect 3 verify; err_has "segment"
expect 3 get prices key1
head -c 4096 /dev/urandom | dd of="/dev/shm/stele.$name" conv=notrunc bs=4096 status=none
expect 3 get prices key1; err_has "is damaged"
echo "cli_dead: all as expected"
