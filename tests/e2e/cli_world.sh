# cli_world.sh BUILD_DIRECTORY - sourced by the tests of the command line: a real daemon with a name
# and a directory of its own, and checks that name what was expected. Leaves nothing behind.
#
#   world_start [STELED-OPTIONS]   world_stop   world_kill
#   expect STATUS [--in FILE] ARGUMENTS...   runs stele; its output is then in $out and $err
#   out_is TEXT   err_has TEXT   out_has TEXT   json EXPRESSION (python over d = the parsed $out)
set -eu
LC_ALL=C
export LC_ALL
build=$1
stele=$build/client/cli/stele
steled=$build/daemon/steled
suite=$(basename "$0" .sh)
name="$suite-$$"
base=$name # a test may change the name to another that begins with it
work=$(mktemp -d "${TMPDIR:-/tmp}/stele.cli.XXXXXX")
out=$work/out
err=$work/err
daemon=
unset XDG_RUNTIME_DIR || true
STELE_NAME=$name
STELE_SOCKET=$work/sock
export STELE_NAME STELE_SOCKET

world_end() {
    touch "$work/done" # what loops in the background looks for it
    jobs -p >"$work/jobs"
    while read -r job; do # the daemon and whatever a failed test has left waiting
        kill -KILL "$job" 2>/dev/null || true
    done <"$work/jobs"
    wait 2>/dev/null || true
    rm -rf "$work" "/dev/shm/stele.$base" "/dev/shm/stele.$base"[.-]*
}
trap world_end EXIT
trap 'exit 1' INT TERM

fail() {
    echo "$suite: $*" >&2
    for file in "$out" "$err"; do
        [ ! -s "$file" ] || { echo "--- $(basename "$file"):" >&2; head -c 2000 "$file" >&2; }
    done
    exit 1
}

world_start() {
    rm -f "$work/log" # a former daemon's
    : >"$work/log"
    "$steled" --name "$name" --socket "$work/sock" --max-bytes 64M "$@" 2>"$work/log" &
    daemon=$!
    waited=0
    until grep -q ready "$work/log"; do
        [ "$waited" -lt 600 ] || fail "the daemon did not get ready: $(cat "$work/log")"
        kill -0 "$daemon" 2>/dev/null || fail "the daemon ended: $(cat "$work/log")"
        waited=$((waited + 1))
        sleep 0.05
    done
}
world_stop() {
    kill -TERM "$daemon"
    wait "$daemon" || fail "the daemon did not stop cleanly"
    daemon=
}
world_kill() {
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null || true
    daemon=
}

expect() {
    wanted=$1
    shift
    input=/dev/null
    if [ "${1-}" = --in ]; then
        input=$2
        shift 2
    fi
    got=0
    "$stele" "$@" <"$input" >"$out" 2>"$err" || got=$?
    [ "$got" -eq "$wanted" ] || fail "stele $*: exit status $got instead of $wanted"
    last="stele $*"
}
out_is() {
    printf '%s\n' "$1" | cmp -s - "$out" || fail "$last: expected '$1'"
}
out_empty() { [ ! -s "$out" ] || fail "$last: expected no output"; }
err_empty() { [ ! -s "$err" ] || fail "$last: expected no message"; }
out_has() { grep -qF -- "$1" "$out" || fail "$last: expected '$1' in its output"; }
err_has() { grep -qF -- "$1" "$err" || fail "$last: expected '$1' among its messages"; }
err_is() {
    printf '%s\n' "$1" | cmp -s - "$err" || fail "$last: expected the message '$1'"
}
# d: the output as JSON; lines: a list of its lines, each as JSON
json() {
    python3 - "$out" "$1" <<'PYTHON' || fail "$last: expected $1"
import json, sys
text = open(sys.argv[1], encoding='utf-8').read()
lines = [json.loads(line) for line in text.splitlines()]
d = lines[0] if len(lines) == 1 else None
sys.exit(0 if eval('(' + sys.argv[2] + ')') else 1)
PYTHON
}
json_err() {
    cp "$err" "$out"
    json "$1"
}
