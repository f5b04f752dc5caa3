#!/bin/sh
# usage: matrix.sh C-COMPILER C++-COMPILER SOURCE-DIR INCLUDE-DIR...
# Compiles the public headers as strict users do: under each language standard with all warnings as
# errors, those that few people use included: stele.h alone, every installed header alone (.hpp under
# the standards of C++ that they tell apart), and two units linked together and run, each standard with
# another optimisation, since some warnings come only with that. The readers among the examples with
# all of them.
set -eu
cc=$1 cxx=$2 here=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
both="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wcast-align
    -Wundef -Wnull-dereference -Wdouble-promotion -Wformat=2 -Wredundant-decls -Wmissing-declarations
    -Wpointer-arith -Wwrite-strings -Wvla -Wfloat-equal -Wunused-macros -Wduplicated-cond
    -Wduplicated-branches -Wlogical-op -Wcast-align=strict -Wcast-function-type"
only_c="-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wbad-function-cast
    -Wnested-externs -Wc++-compat -Wjump-misses-init"
only_cxx="-Wold-style-cast -Wuseless-cast -Wzero-as-null-pointer-constant -Wextra-semi
    -Wnon-virtual-dtor -Woverloaded-virtual -Wsuggest-override -Wctor-dtor-privacy -Wnoexcept
    -Wstrict-null-sentinel -Wdeprecated-copy-dtor -Wcomma-subscript -Wdeprecated"
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
known() { # compiler, language, warnings... : those that the compiler has
    with=$1 language=$2
    shift 2
    for warning in "$@"; do
        echo 'extern int x;' | "$with" -x "$language" -Werror "$warning" -fsyntax-only - 2>/dev/null &&
            printf '%s ' "$warning"
    done
    return 0
}
# shellcheck disable=SC2086
warnings_c="-Werror $(known "$cc" c $both $only_c)"
# shellcheck disable=SC2086
warnings_cxx="-Werror $(known "$cxx" c++ $both $only_cxx)"
standard() { # compiler, language, standard, optimisation, further flags
    optimise=$4 flags=$5
    case $2 in
    c) warnings=$warnings_c ;;
    *) warnings=$warnings_cxx ;;
    esac
    if ! knows "$1" "$2" "$3"; then
        echo "skipped: $1 does not know $3"
        return
    fi
    # shellcheck disable=SC2086
    check "$3, stele.h alone" "$1" -x "$2" "-std=$3" $flags $warnings $includes -fsyntax-only "$here/alone.c"
    for unit in unit_a unit_b; do
        # shellcheck disable=SC2086
        check "$3, $unit" "$1" -x "$2" "-std=$3" $optimise $flags $warnings $includes -c "$here/$unit.c" \
            -o "$work/$unit.o"
    done
    check "$3, linked" "$1" "$work/unit_a.o" "$work/unit_b.o" -o "$work/program"
    check "$3, run" "$work/program"
}

standard "$cc" c c11 -O3 -D_DEFAULT_SOURCE
standard "$cc" c c17 -Og -D_GNU_SOURCE
standard "$cc" c c2x -Os -D_GNU_SOURCE
standard "$cc" c gnu11 -O2 ""
standard "$cxx" c++ c++11 -O3 "-fno-exceptions -fno-rtti"
standard "$cxx" c++ c++14 -Os ""
standard "$cxx" c++ c++17 -Og ""
standard "$cxx" c++ c++20 -O2 ""
for optimise in -O0 -O1 -O2 -O3 -Os -Og; do
    # shellcheck disable=SC2086
    check "the reader in C, $optimise" "$cc" -std=gnu11 $optimise -Wall -Wextra -Werror $includes \
        -c "$here/../../examples/reader.c" -o "$work/reader.o"
    # shellcheck disable=SC2086
    check "the reader in C++, $optimise" "$cxx" -std=c++17 $optimise -Wall -Wextra -Werror $includes \
        -c "$here/../../examples/reader.cpp" -o "$work/reader.o"
done

count=0
for dir in "$@"; do
    for header in $(cd "$dir" && find stele -name '*.h' | sort); do
        echo "#include <$header>" >"$work/one.c"
        # shellcheck disable=SC2086
        check "$header in C" "$cc" -x c -std=c11 -D_DEFAULT_SOURCE $warnings_c $includes -fsyntax-only "$work/one.c"
        # shellcheck disable=SC2086
        check "$header in C++" "$cxx" -x c++ -std=c++11 $warnings_cxx $includes -fsyntax-only "$work/one.c"
        count=$((count + 1))
    done
done
for dir in "$@"; do
    for header in $(cd "$dir" && find stele -name '*.hpp' | sort); do
        echo "#include <$header>" >"$work/one.cpp"
        for std in c++11 c++17 c++20; do # between which they differ
            knows "$cxx" c++ "$std" || continue
            # shellcheck disable=SC2086
            check "$header in $std" "$cxx" "-std=$std" $warnings_cxx $includes -fsyntax-only \
                "$work/one.cpp"
        done
        # shellcheck disable=SC2086
        check "$header without exceptions" "$cxx" -std=c++11 -fno-exceptions -fno-rtti \
            $warnings_cxx $includes -fsyntax-only "$work/one.cpp"
        count=$((count + 1))
    done
done
# templates, with what they are made of
for std in c++11 c++20; do
    # shellcheck disable=SC2086
    check "templates in $std" "$cxx" "-std=$std" $warnings_cxx -Wno-float-equal $includes \
        -fsyntax-only "$here/cpp_test.cpp"
done
echo "$count headers, $cc and $cxx"
[ "$count" -ge 50 ] || { echo "FAILED: where are the headers?"; failed=1; }
exit $failed
