#!/bin/sh
# mutate.sh - breaks copies of the sources, one way at a time, and says which test notices. Usage:
#   sh tests/mutate/mutate.sh [-q] [-l LIST] [-d DIR] [NAME-PATTERN ...]
#     -q        does not run the tests on the unbroken sources first
#     -d DIR    where to work (default: a new directory under TMPDIR, removed at the end)
#     -l LIST   another list of mutations than the one beside this script
#   NAME-PATTERN  shell patterns of the mutations to run; default: all
# Prints a table, and ends with 1 if a mutation is missed, or with 2 if one no longer applies.
# STELE_TEST_SCALE scales the tests as always (default here: 0.5); each may take STELE_MUTATE_SECONDS
# (default 150), so that a mutation which makes a test hang is caught in bounded time.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
list=$here/mutations.txt
work=
baseline=yes
while getopts qd:l: option; do
    case $option in
    q) baseline=no ;;
    d) work=$OPTARG ;;
    l) list=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- '*'

: "${STELE_TEST_SCALE:=0.5}" "${STELE_MUTATE_SECONDS:=150}"
export STELE_TEST_SCALE
ulimit -c 0
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
fi
source=$work/source
build=$work/build

# Tried after those that a mutation names; what `points` is told apart by, comes first.
everything="points torture storm random_model typed_model step stopped_reader stalled_reader explore corrupt linear limits threads
    libshm.store.adopt libshm.store.table libshm.store.split libshm.store.arena"

copy_sources()
{
    rm -rf "$source"
    mkdir -p "$source/tests"
    cp -R "$root/CMakeLists.txt" "$root/libshm" "$root/client" "$source/"
    for part in CMakeLists.txt support unit model race crash; do
        cp -R "$root/tests/$part" "$source/tests/"
    done
    cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$work/cmake.log" 2>&1 ||
        { cat "$work/cmake.log" >&2; exit 2; }
}

program_of()
{
    case $1 in
    explore) echo tests/model/explore/explore ;;
    random_model | typed_model) echo "tests/model/random/$1" ;;
    points | step | stopped_reader | stalled_reader | corrupt | limits) echo "tests/crash/$1" ;;
    torture | storm | linear | threads) echo "tests/race/$1" ;;
    *) echo "tests/unit/$1" ;;
    esac
}

# The explorer's cheap half first.
verbs_of()
{
    if [ "$1" = explore ]; then echo run crash; else echo all; fi
}

# 0: passes, 1: fails, 2: does not build
run_test()
{
    cmake --build "$build" --target "$1" -j "$(nproc)" >"$work/build.log" 2>&1 || return 2
    : >"$work/test.log"
    for verb in $(verbs_of "$1"); do
        [ "$verb" = all ] && verb=
        (cd "$build" && timeout -k 5 "$STELE_MUTATE_SECONDS" "./$(program_of "$1")" $verb) \
            >>"$work/test.log" 2>&1 || return 1
    done
}

# Segments that a test left behind when it was killed: their names end with its process's number.
clean_segments()
{
    for object in /dev/shm/stele.test.* /dev/shm/stele.explore.*; do
        number=$(expr "$object" : '.*[.]\([0-9][0-9]*\)\(.copy\)*\(.lock\)*$')
        [ -e "$object" ] && [ -n "$number" ] && [ ! -d "/proc/$number" ] && rm -f "$object"
    done
}

# The first line that says what was wrong.
why()
{
    grep -aE ':[FE]:|broken invariant|: VIOLATION: |^[a-z-]+, .*:$' "$work/test.log" | head -1 |
        sed 's/^.*:[FE]:[^:]*:\([^:]*\):[0-9]*: /\1: /; s/^stele: //' | cut -c1-130
}

# name, file, tests, expression
run_mutation()
{
    cp "$source/$2" "$work/original"
    perl -0777 -pi -e "$4" "$source/$2"
    if cmp -s "$source/$2" "$work/original"; then
        printf '%-34s %-16s %s\n' "$1" "DOES NOT APPLY" "$2"
        stale=$((stale + 1))
        return
    fi
    caught=
    [ -z "$redundant" ] || set -- "$1" "$2" "" "$4"
    for test in $3 ${redundant:+explore} $([ -n "$redundant" ] || echo $everything); do
        case " $tried " in *" $test "*) continue ;; esac
        tried="$tried $test"
        run_test "$test"
        case $? in
        1) caught=$test; break ;;
        2) caught="(compiler)"; break ;;
        esac
    done
    if [ -n "$caught" ]; then
        printf '%-34s %-16s %s\n' "$1" "$caught" "$(why)"
    elif [ -n "$redundant" ]; then
        printf '%-34s %-16s %s\n' "$1" "(redundant)" "$redundant"
    else
        printf '%-34s %-16s\n' "$1" MISSED
        missed=$((missed + 1))
    fi
    cp "$work/original" "$source/$2" # with a new time, so that it is built again
    clean_segments
}

wanted()
{
    name=$1
    shift
    for pattern; do
        case $name in $pattern) return 0 ;; esac
    done
    return 1
}

copy_sources
if [ $baseline = yes ]; then
    for test in $everything; do
        run_test "$test" || { echo "$test fails on the unbroken sources:" >&2
            tail -5 "$work/test.log" >&2; exit 2; }
    done
fi
stale=0 missed=0 total=0
printf '%-34s %-16s %s\n' mutation "caught by" how
while IFS= read -r line; do
    case $line in
    'mutation: '*) name=${line#*: } redundant= ;;
    'redundant: '*) redundant=${line#*: } ;;
    'file: '*) file=${line#*: } ;;
    'tests: '*) tests=${line#*: } ;;
    'perl: '*)
        wanted "$name" "$@" || continue
        total=$((total + 1)) tried=
        run_mutation "$name" "$file" "$tests" "${line#*: }" </dev/null
        ;;
    esac
done <"$list"
echo "$total mutations, $missed missed, $stale do not apply"
[ $missed -eq 0 ] || exit 1
[ $stale -eq 0 ] || exit 2
