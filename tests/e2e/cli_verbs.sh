#!/bin/sh
# cli_verbs.sh BUILD_DIRECTORY - each verb on single keys and on tables: the good case, limits, the
# bad case; exit statuses, messages, JSON.
. "$(dirname "$0")/cli_world.sh"
world_start
tab=$(printf '\t')

# tables
expect 0 tables; out_empty
expect 0 create prices; out_empty; err_empty
expect 1 create prices; err_is "stele: create prices: already exists"
expect 0 -o json create other; json 'd == {"ok": True}'
long=$(printf '%063d' 0)
expect 0 create "$long"
expect 2 create "${long}x"; err_has "names of tables have 1..63 bytes"
expect 2 create ''
expect 0 drop --yes "$long"
expect 1 drop "$long"; err_has "no such table"
expect 0 tables; out_is "other${tab}0${tab}0${tab}bytes->bytes${tab}0
prices${tab}0${tab}0${tab}bytes->bytes${tab}0"
expect 0 -o json tables
json 'd == [{"name": n, "entries": 0, "payload_bytes": 0, "type": "bytes->bytes",
             "max_entries": 0} for n in ("other", "prices")]'

# put, get
expect 0 put prices EURUSD 1.0842; out_empty; err_empty
expect 0 get prices EURUSD; out_is 1.0842
expect 0 get --raw prices EURUSD
[ "$(wc -c <"$out")" -eq 6 ] || fail "get --raw added something"
expect 0 -o json get prices EURUSD; json 'd == {"key": "EURUSD", "value": "1.0842"}'
expect 0 get -o json prices EURUSD; json 'd["value"] == "1.0842"'
expect 1 get prices GBPUSD; out_empty; err_is "stele: get prices/GBPUSD: no such key"
expect 1 -o json get prices GBPUSD; out_empty
json_err 'd == {"error": "get prices/GBPUSD: no such key", "status": "STELE_ENOTFOUND"}'
expect 1 get nowhere EURUSD; err_has "get nowhere: no such table"
expect 1 put nowhere EURUSD 1; err_has "put nowhere: no such table"
expect 0 put prices '' ''
expect 0 get prices ''; out_is ''
expect 0 put prices -- -k- -v-
expect 0 get prices -- -k-; out_is -v-
expect 0 put -e prices 'a\tb\x00\xff' 'one\ntwo\\'
expect 0 get -e prices 'a\tb\x00\xff'; out_is 'one
two\'
expect 0 -o json get -e prices 'a\tb\x00\xff'
json 'd == {"key_base64": "YQliAP8=", "value": "one\ntwo\\"}'
expect 2 put -e prices 'a\q' v; err_has "at its byte 2: no such escape"
expect 0 put prices 'a\q' v
expect 0 get prices 'a\q'; out_is v

# standard input; 1 MiB; limits of keys and values
head -c 1048576 /dev/urandom >"$work/big"
expect 0 --in "$work/big" put prices big -
expect 0 get --raw prices big; cmp "$out" "$work/big" || fail "1 MiB came back changed"
head -c 65535 /dev/zero | tr '\0' k >"$work/key"
expect 0 put prices "$(cat "$work/key")" v
expect 0 get prices "$(cat "$work/key")"; out_is v
expect 4 put prices "$(cat "$work/key")k" v; err_has "the key has 65536 bytes; keys have up to 65535"
expect 4 get prices "$(cat "$work/key")k"; err_has "the key has 65536 bytes"
: >"$work/empty"
expect 0 --in "$work/empty" put prices none -
expect 0 get prices none; out_is ''

# insert, replace, cas
expect 0 insert prices USDJPY 151; expect 0 get prices USDJPY; out_is 151
expect 1 insert prices USDJPY 152; err_is "stele: insert prices/USDJPY: already exists"
expect 0 get prices USDJPY; out_is 151
expect 0 replace prices USDJPY 152; expect 0 get prices USDJPY; out_is 152
expect 1 replace prices absent 1; err_is "stele: replace prices/absent: no such key"
expect 0 cas prices USDJPY 152 153; expect 0 get prices USDJPY; out_is 153
expect 1 cas prices USDJPY 152 154; err_has "holds another value than was expected"
expect 1 cas prices absent 1 2; err_has "no such key"
expect 0 get prices USDJPY; out_is 153
expect 2 cas prices USDJPY - -; err_has "only one"
expect 1 -o json insert prices USDJPY 1; json_err 'd["status"] == "STELE_EEXIST"'

# incr
expect 0 incr prices n; out_is 1
expect 0 incr prices n 41; out_is 42
expect 0 incr prices n -50; out_is -8
expect 0 -o json incr prices n 9; json 'd == {"value": 1}'
expect 0 incr prices far 9223372036854775807
expect 4 incr prices far; err_has "does not fit"
expect 4 incr prices EURUSD; err_has "not a decimal integer"
expect 2 incr prices n 1.5; err_has "want a whole number"
expect 2 incr prices n 9223372036854775808

# del
expect 0 del prices USDJPY; out_empty
expect 1 del prices USDJPY; err_is "stele: del prices/USDJPY: no such key"
expect 1 -o json del prices n gone far; json 'd == {"deleted": 2, "missing": 1}'
expect 0 del -e prices 'a\tb\x00\xff' 'a\\q'

# scan
expect 0 clear --yes prices
expect 0 scan prices; out_empty
for i in 1 2 3 4 5 6 7 8 9; do
    "$stele" put prices "key$i" "value$i"
done
expect 0 put -e prices 'odd\n' '\xfe'
expect 0 scan prices
[ "$(wc -l <"$out")" -eq 10 ] || fail "scan did not print 10 lines"
out_has "key3${tab}value3"; out_has "odd\\n${tab}\\xfe"
expect 0 scan prices --prefix key
[ "$(wc -l <"$out")" -eq 9 ] || fail "scan --prefix did not print 9 lines"
expect 0 scan prices --limit 3
[ "$(wc -l <"$out")" -eq 3 ] || fail "scan --limit did not print 3 lines"
expect 0 scan prices --limit 0; out_empty
expect 0 scan prices --keys --prefix key7; out_is key7
expect 0 scan prices --prefix 'odd\n' -e --keys; out_is 'odd\n'
expect 0 -o json scan prices
json '{(l["key"], l.get("value", l.get("value_base64"))) for l in lines} ==
      {("key%d" % i, "value%d" % i) for i in range(1, 10)} | {("odd\n", "/g==")}'
expect 1 scan nowhere
expect 0 drop other </dev/null
expect 0 tables; out_has "prices${tab}10${tab}"

# where the segment's name leads nowhere, the daemon hands out a descriptor
mv "/dev/shm/stele.$name" "/dev/shm/stele.$name.away"
expect 0 get prices key1; out_is value1
expect 0 tables; out_has prices
expect 3 -n "$name" get prices key1; err_has "there is no segment"
mv "/dev/shm/stele.$name.away" "/dev/shm/stele.$name"

# ping, stat, verify, bench, shutdown
expect 0 ping; out_has "$name at $work/sock: round trip"; out_has "write and administer"
expect 0 -o json ping
json 'd["name"].startswith("cli_verbs-") and 0 < d["round_trip_least_ns"] <= d["round_trip_mean_ns"]'
expect 0 stat; out_has "prices"; out_has "records"; out_has "daemon     up"
expect 0 -o json stat
json 'd["writer"] == "alive" and d["entries"] == 10 and d["epoch"] == 1 and
      d["tables"][0]["name"] == "prices" and 0 < d["load"] <= 1 and d["daemon"]["tables"] == 1 and
      d["max_bytes"] == 64 << 20 and d["payload_bytes"] <= d["record_bytes"]'
expect 0 verify; out_has "table prices: 10 entries scanned and found again, count compared"
out_has "sound: header, 1 table, 10 entries"
expect 0 -o json verify; json 'd["sound"] and d["faults"] == 0 and d["tables"][0]["count_compared"]'
expect 0 bench --seconds 0.05; out_has "put, pipelined"
expect 0 -o json bench --seconds 0.05
json '[x["name"] for x in d] == ["get", "put", "put, pipelined"] and
      all(x["operations"] > 0 and x["p50_ns"] <= x["p99_ns"] <= x["max_ns"] for x in d)'
expect 0 -o json bench prices --seconds 0.05; json '[x["name"] for x in d] == ["get"]'
expect 1 bench nowhere
expect 0 create empty; expect 1 bench empty; err_has "it is empty"
expect 0 tables
[ "$(wc -l <"$out")" -eq 2 ] || fail "bench left its table behind"

# the command line itself
expect 2; err_has "a verb is missing"
expect 2 nonsense; err_has "no such verb: nonsense"
expect 2 get prices; err_has "too few arguments; usage: stele get T K"
expect 2 get prices a b; err_has "too many arguments"
expect 2 --nonsense; err_has "--nonsense: no such option"
expect 2 get --limit 3 prices a; err_has "--limit: no such option of this verb"
expect 2 -x get prices a; err_has "-x: no such option"
expect 2 scan prices --limit; err_has "a value is missing"
expect 2 scan prices --limit x; err_has "want a number"
expect 2 -o xml tables; err_has "want text or json"
expect 2 --timeout -1 ping
expect 2 -n a/b tables
expect 2 -S nowhere ping; err_has "a path with a '/'"
expect 2 -o json get prices; json_err 'd["status"] == "STELE_EINVAL"'
expect 3 -n "$name-other" get prices a; err_has "there is no segment"
expect 3 -S "$work/nothing" put prices a b; err_has "no daemon listens at $work/nothing"
expect 3 -o json -S "$work/nothing" ping; json_err 'd["status"] == "STELE_ECLOSED"'
expect 2 -n "$name-other" -S "$work/sock" ping; err_has "serves the segment '$name'"
(
    unset STELE_NAME STELE_SOCKET
    expect 0 -S "$work/sock" scan prices --keys --prefix key1; out_is key1
    expect 0 -n "$name" scan prices --keys --prefix key1; out_is key1
    expect 0 -n "$name" ping; out_has "$name at $work/sock" # where the segment says
) || exit 1
for verb in get put insert replace cas incr del append remove swap pop list count scan load dump \
    tables create clear drop stat ping verify bench shutdown; do
    expect 0 "$verb" --help; out_has "usage: stele [OPTIONS] $verb"; out_has "Examples"
    expect 0 --help; out_has "  $verb "
done
expect 0 --version; out_has "stele "

expect 0 shutdown --yes
wait "$daemon" || fail "the daemon did not stop cleanly"
daemon=
expect 3 shutdown --yes
echo "cli_verbs: all as expected"
