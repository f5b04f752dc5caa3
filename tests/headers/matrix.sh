#!/bin/sh
# usage: matrix.sh C-COMPILER C++-COMPILER SOURCE-DIR INCLUDE-DIR...
# Compiles the public headers under each language standard with all warnings as errors: stele.h
# alone, every installed header alone (.hpp under each standard of C++), and two units linked together
# and run.
set -eu
cc=$1 cxx=$2 here=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror -D_GNU_SOURCE"
includes=
number=0
for dir in "$@"; do # by links, so that a path with spaces stays one word
    number=$((number + 1))
    ln -s "$dir" "$work/include$number"
    includes="$includes -I$work/include$number"
done
failed=0

check() { # what, command...
    what=$1
    shift
    if ! "$@" >"$work/log" 2>&1; then
        echo "FAILED: $what: $*"
        sed 's/^/    /' "$work/log" | head -20
        failed=1
    fi
}
knows() { # compiler, language, standard
    echo 'int x;' | "$1" -x "$2" "-std=$3" -fsyntax-only - 2>/dev/null
}
standard() { # compiler, language, standard
    if ! knows "$1" "$2" "$3"; then
        echo "skipped: $1 does not know $3"
        return
    fi
    # shellcheck disable=SC2086
    check "$3, stele.h alone" "$1" -x "$2" "-std=$3" $warnings $includes -fsyntax-only "$here/alone.c"
    for unit in unit_a unit_b; do
        # shellcheck disable=SC2086
        check "$3, $unit" "$1" -x "$2" "-std=$3" -O1 $warnings $includes -c "$here/$unit.c" \
            -o "$work/$unit.o"
    done
    check "$3, linked" "$1" "$work/unit_a.o" "$work/unit_b.o" -o "$work/program"
    check "$3, run" "$work/program"
}

for std in c11 c17 c2x gnu11; do
    standard "$cc" c "$std"
done
for std in c++11 c++14 c++17 c++20; do
    standard "$cxx" c++ "$std"
done

count=0
for dir in "$@"; do
    for header in $(cd "$dir" && find stele -name '*.h' | sort); do
        echo "#include <$header>" >"$work/one.c"
        # shellcheck disable=SC2086
        check "$header in C" "$cc" -x c -std=c11 $warnings $includes -fsyntax-only "$work/one.c"
        # shellcheck disable=SC2086
        check "$header in C++" "$cxx" -x c++ -std=c++11 $warnings $includes -fsyntax-only "$work/one.c"
        count=$((count + 1))
    done
done
for dir in "$@"; do
    for header in $(cd "$dir" && find stele -name '*.hpp' | sort); do
        echo "#include <$header>" >"$work/one.cpp"
        for std in c++11 c++14 c++17 c++20; do
            knows "$cxx" c++ "$std" || continue
            # shellcheck disable=SC2086
            check "$header in $std" "$cxx" "-std=$std" $warnings $includes -fsyntax-only "$work/one.cpp"
        done
        # shellcheck disable=SC2086
        check "$header without exceptions" "$cxx" -std=c++11 -fno-exceptions $warnings $includes \
            -fsyntax-only "$work/one.cpp"
        count=$((count + 1))
    done
done
echo "$count headers, $cc and $cxx"
[ "$count" -ge 50 ] || { echo "FAILED: where are the headers?"; failed=1; }
exit $failed
