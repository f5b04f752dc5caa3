#!/bin/sh
# cli_terminal.sh BUILD_DIRECTORY SOURCE_DIRECTORY - what people see: questions and the progress line
# on a terminal (and none elsewhere), the completion in bash, the man page, many tables at once.
source=$2
. "$(dirname "$0")/cli_world.sh"
world_start
tab=$(printf '\t')
expect 0 create prices
expect 0 create "other table"
python3 -c 'for i in range(20000): print("key%d\tvalue %d" % (i, i))' >"$work/in.tsv"

# terminal.py ANSWER COMMAND...: runs it on a terminal, types the answer when asked; prints what the
# terminal showed and ends with the command's exit status
cat >"$work/terminal.py" <<'PYTHON'
import os, pty, select, signal, sys
child, fd = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown, answered = b'', False
while True:
    if not select.select([fd], [], [], 60)[0]:
        os.kill(child, signal.SIGKILL)
        sys.exit('nothing came for a minute')
    try:
        got = os.read(fd, 65536)
    except OSError:
        got = b''
    if not got:
        break
    shown += got
    if b'[y/N]' in shown and not answered:
        answered = True
        os.write(fd, sys.argv[1].encode() + b'\n')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
on_terminal() { # STATUS ANSWER ARGUMENTS...
    wanted=$1
    answer=$2
    shift 2
    got=0
    python3 "$work/terminal.py" "$answer" "$stele" "$@" >"$out" 2>"$err" || got=$?
    [ "$got" -eq "$wanted" ] || fail "on a terminal: stele $*: exit status $got instead of $wanted"
    last="on a terminal: stele $*"
}

on_terminal 0 '' load prices "$work/in.tsv"
out_has "prices  ["; out_has " left"; out_has "20000 entries stored"
on_terminal 0 '' dump prices "$work/dumped.tsv"
out_has "prices  ["; out_has " %  "
on_terminal 0 '' verify
out_has "verify  ["; out_has "sound"
expect 0 load prices "$work/in.tsv"; err_empty
expect 0 dump prices "$work/dumped.tsv"; err_empty

on_terminal 4 n clear prices; out_has "Clear table prices of segment $name"; out_has "nothing was done"
expect 0 tables; out_has "prices${tab}20000"
on_terminal 4 '' drop prices; out_has "Drop table prices"
on_terminal 0 y clear prices
expect 0 tables; out_has "prices${tab}0"
on_terminal 0 '' clear --yes prices
on_terminal 4 n shutdown; out_has "Stop the daemon of segment $name?"
expect 0 ping

# bash: verbs, options, tables, segments, files
if command -v bash >/dev/null; then
    completion=$source/client/cli/completion/stele.bash
    complete() { # EXPECTED WORDS...: what completes the last word, sorted, one blank apart
        wanted=$1
        shift
        # shellcheck disable=SC2016
        got=$(bash -c 'source "$0"
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _stele
            printf "%s\n" "${COMPREPLY[@]}" | sort | tr "\n" " "' "$completion" "$@")
        [ "$got" = "$wanted " ] || fail "completion of $*: '$got' instead of '$wanted'"
    }
    complete "get" "$stele" g
    complete "cas clear count create" "$stele" c
    complete "cas clear count create" "$stele" -o json c
    complete "prices" "$stele" get pr
    complete 'other\ table prices' "$stele" scan ''
    complete "" "$stele" append ''
    expect 0 create docs --type 'bytes->list:u32'
    for verb in append remove swap pop list count; do
        complete "docs" "$stele" "$verb" ''
    done
    expect 0 drop --yes docs
    complete "--max-entries" "$stele" create --m
    complete "" "$stele" create --type b
    complete "--prefix" "$stele" scan --p
    complete "--raw" "$stele" get --r
    complete "json" "$stele" -o j
    complete "tsv" "$stele" dump --format t
    complete "$name" "$stele" -n "$name"
    complete "$work/in.tsv" "$stele" load prices "$work/in"
    complete "$work/in.tsv" "$stele" load --all "$work/in"
    complete "" "$stele" dump --all file p
    complete "prices" "$stele" -n "$name" get p
    complete "" "$stele" create p
    complete "" "$stele" -n "$name-other" get p
    # names are data: nothing in them is run
    expect 0 create "\$(touch $work/run)"
    complete "prices" "$stele" get p
    [ ! -e "$work/run" ] || fail "completion ran what a table's name says"
    expect 0 drop --yes "\$(touch $work/run)"
fi

# every verb and option of --help is in the man page and in the completion
expect 0 --help
verbs=$(sed -n 's/^  \([a-z]*\) .*  [a-zA-Z].*/\1/p' "$out")
[ "$(echo "$verbs" | wc -l)" -eq 25 ] || fail "--help does not list 25 verbs"
for verb in $verbs; do
    grep -q "^\*$verb\*" "$source/client/cli/stele.1.scd" || fail "no $verb in the man page"
    grep -qw -- "$verb" "$source/client/cli/completion/stele.bash" || fail "no $verb in the completion"
    "$stele" "$verb" --help | sed -n 's/^  .*\(--[a-z-]*\) .*/\1/p' | while read -r option; do
        grep -q -- "\*$option\*" "$source/client/cli/stele.1.scd" || fail "no $option in the man page"
        grep -q -- "$option" "$source/client/cli/completion/stele.bash" ||
            fail "no $option in the completion"
    done || exit 1
done
if command -v scdoc >/dev/null; then
    scdoc <"$source/client/cli/stele.1.scd" >"$work/stele.1" || fail "scdoc refuses the man page"
fi

# 512 tables, and no more
i=2
while [ "$i" -lt 512 ]; do
    "$stele" create "table $i" || fail "create of table $i"
    i=$((i + 1))
done
expect 4 create "one more"
expect 0 tables
[ "$(wc -l <"$out")" -eq 512 ] || fail "$(wc -l <"$out") tables instead of 512"
expect 0 -o json stat; json "len(d['tables']) == 512"
expect 0 verify; out_has "512 tables"
echo "cli_terminal: all as expected"
