#!/bin/sh
# usage: floors.sh [ROOT]     fails on any #include arrow that goes up, and prints each
#        floors.sh --self-test
#
# What each room may include is the table in may_include(); the rooms are those of libshm/README.md.
# Also: who knows a foreign library, no way out of a room by "../", no file of more than 500 lines.
set -u
LC_ALL=C
export LC_ALL

# Path of a file, relative to the root -> its room.
room_of() {
    case $1 in
    libshm/include/stele/store.h | libshm/include/stele/map*.h) room=store ;; # the writer's facade
    libshm/include/stele/*) room=contract ;;
    libshm/store/*) room=store ;;
    client/include/*) room=client ;;
    client/cli/*) room=cli ;;
    daemon/gateway/*/*) room=${1#daemon/} room=${room%/*} ;; # each protocol by itself
    daemon/*/*) room=${1#daemon/} room=${room%%/*} ;;
    daemon/*) room=daemon ;;
    bench/*) room=bench ;;
    examples/*) room=examples ;;
    tests/*) room=tests ;;
    *) room=unknown ;;
    esac
}

# Rooms that a room may include, besides itself.
may_include() {
    case $1 in
    contract) allowed="" ;;
    store | client | loop | worker) allowed="contract" ;;
    net) allowed="contract loop" ;;
    command) allowed="contract store" ;;
    gateway) allowed="contract loop net command" ;;
    gateway/*) allowed="contract loop net command gateway" ;;
    persist) allowed="contract store client loop worker command" ;;
    operator) allowed="contract loop net command" ;;
    serve) allowed="contract store loop worker net command gateway persist operator" ;;
    daemon) allowed="contract operator serve" ;;
    cli | bench | examples) allowed="contract store client" ;;
    tests) allowed="contract store client loop worker net command gateway persist operator serve cli bench" ;;
    *) allowed="" ;;
    esac
}

offence() {
    echo "$1: $2"
    offences=$((offences + 1))
}

# Libraries and system headers that only certain files may know.
foreign() { # file, line, header
    case $3 in
    atomic_ops.h)
        [ "$1" = libshm/include/stele/detail/atomic.h ] || offence "$1:$2" "only atomic.h knows libatomic_ops" ;;
    xxhash.h | xxh3.h)
        case $1 in
        libshm/include/stele/detail/hash.h | tests/* | bench/*) ;;
        *) offence "$1:$2" "only hash.h knows xxhash" ;;
        esac ;;
    jansson.h)
        [ "$1" = client/cli/document.c ] || offence "$1:$2" "only client/cli/document.c knows jansson" ;;
    check.h)
        [ "$room" = tests ] || offence "$1:$2" "only tests know Check" ;;
    sys/epoll.h)
        case $room in
        loop | tests) ;;
        *) offence "$1:$2" "only daemon/loop knows epoll" ;;
        esac ;;
    sys/socket.h | sys/un.h | netinet/* | arpa/*)
        case $room in
        store | contract) offence "$1:$2" "the memory knows no sockets" ;;
        esac ;;
    esac
}

# The file that an include names, or nothing.
resolve() { # file, form, header
    target=
    if [ "$2" = quote ]; then
        places="$(dirname "$1") libshm/store daemon bench client/include libshm/include tests/support"
    else
        places="libshm/include client/include"
    fi
    for place in $places; do
        if [ -f "$place/$3" ]; then
            target=$place/$3
            return
        fi
    done
}

arrow() { # file, line, form, header
    room_of "$1"
    foreign "$1" "$2" "$4"
    case $4 in
    ../* | */../*)
        offence "$1:$2" "\"$4\" leaves the room sideways; name the file from the room's root"
        ;;
    esac
    resolve "$1" "$3" "$4"
    if [ -z "$target" ]; then
        if [ "$3" = quote ] && [ "$room" != tests ] || [ "${4#stele/}" != "$4" ]; then
            offence "$1:$2" "cannot find \"$4\""
        fi
        return
    fi
    from=$room
    room_of "$target"
    may_include "$from"
    case " $from $allowed " in
    *" $room "*) ;;
    *) offence "$1:$2" "$from may not include $room ($4)" ;;
    esac
}

check_tree() { # prints offences; counts them in $offences
    offences=0
    files=$(find libshm client daemon bench examples tests \
        \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' \) 2>/dev/null | sort)
    list=$(mktemp)
    # shellcheck disable=SC2086
    [ -z "$files" ] || grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' $files |
        sed -E 's/^([^:]*):([0-9]*):[^<"]*<([^>]*)>.*/\1 \2 angle \3/
                s/^([^:]*):([0-9]*):[^<"]*"([^"]*)".*/\1 \2 quote \3/' >"$list"
    while read -r file line form header; do
        arrow "$file" "$line" "$form" "$header"
    done <"$list"
    rm -f "$list"
    for file in $files; do
        room_of "$file"
        case $room in
        contract | store | client | cli | loop | worker | net | command | gateway | gateway/* | persist | operator | serve | daemon | bench | examples | tests) ;;
        *) offence "$file" "no such room: $room" ;;
        esac
        lines=$(wc -l <"$file")
        [ "$lines" -le 500 ] || offence "$file" "$lines lines; above 500 are two concepts: name them"
    done
}

# ---- the lint's own test: each planted offence must be found, and only that one ------------------

plant() { # file, line to plant
    mkdir -p "$(dirname "$1")"
    echo "$2" >>"$1"
}
expect() { # number of offences, what was planted
    check_tree >"$tree/log"
    if [ "$offences" -ne "$1" ]; then
        echo "FAILED: $2: $offences offences instead of $1"
        cat "$tree/log"
        failed=1
    fi
    rm -rf libshm client daemon bench examples tests
    cp -r "$tree/clean/." .
}
self_test() {
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    failed=0
    mkdir -p "$tree/clean" "$tree/work"
    cd "$tree/clean" || exit 1
    plant libshm/include/stele/status.h '/* base */'
    plant libshm/include/stele/detail/atomic.h '#include <atomic_ops.h>'
    plant libshm/include/stele/detail/hash.h '#include <xxhash.h>'
    plant libshm/include/stele/store.h '#include <stele/status.h>'
    plant libshm/store/table.h '#include <stele/detail/hash.h>'
    plant libshm/store/table.c '#include "table.h"'
    plant client/include/stele/stele.h '#include "detail/lookup.h"'
    plant client/include/stele/detail/lookup.h '#include <stele/detail/atomic.h>'
    plant client/cli/main.c '#include <stele/stele.h>'
    plant daemon/loop/loop.h '#include <sys/epoll.h>'
    plant daemon/net/net.h '#include "loop/loop.h"'
    plant daemon/command/command.h '#include <stele/store.h>'
    plant daemon/gateway/gateway.h '#include "command/command.h"'
    plant daemon/gateway/native/native.h '#include "gateway/gateway.h"'
    plant daemon/gateway/older/map8x32.c '#include "gateway/gateway.h"'
    plant daemon/persist/wal.c '#include <stele/status.h>'
    plant daemon/operator/log.h '#include "net/net.h"'
    plant daemon/serve/server.h '#include "operator/log.h"'
    plant daemon/serve/doors.c '#include "gateway/gateway.h"'
    plant daemon/main.c '#include "serve/server.h"'
    plant tests/unit/table_test.c '#include <check.h>'
    cd "$tree/work" && cp -r "$tree/clean/." . || exit 1

    expect 0 "a clean tree"
    while IFS='|' read -r file line; do
        plant "$file" "$line"
        expect 1 "$file: $line"
    done <<'LIST'
libshm/include/stele/detail/atomic.h|#include <stele/stele.h>
libshm/include/stele/status.h|#include <stele/store.h>
libshm/store/table.c|#include <stele/stele.h>
libshm/store/table.c|#include <sys/socket.h>
libshm/store/table.c|  #  include <atomic_ops.h>
libshm/store/table.h|#include <xxhash.h>
libshm/store/table.c|#include <check.h>
libshm/store/table.c|#include "no_such_file.h"
client/include/stele/stele.h|#include <stele/store.h>
client/include/stele/detail/lookup.h|#include <stele/detail/none.h>
client/cli/main.c|#include "net/net.h"
client/cli/main.c|#include <jansson.h>
daemon/loop/loop.h|#include "net/net.h"
daemon/net/net.h|#include "command/command.h"
daemon/net/net.h|#include <stele/store.h>
daemon/command/command.h|#include "net/net.h"
daemon/command/command.h|#include <sys/epoll.h>
daemon/gateway/native/native.h|#include <stele/store.h>
daemon/gateway/gateway.h|#include "gateway/native/native.h"
daemon/gateway/older/map8x32.c|#include "gateway/native/native.h"
daemon/operator/log.h|#include "serve/server.h"
daemon/serve/doors.c|#include "gateway/native/native.h"
daemon/main.c|#include "net/net.h"
daemon/persist/wal.c|#include "net/net.h"
bench/main.c|#include "../client/include/stele/stele.h"
examples/reader.c|#include "loop/loop.h"
daemon/strangers/room.c|/* no include at all */
LIST
    seq 501 >tests/unit/table_test.c
    expect 1 "a file of 501 lines"
    [ "$failed" -eq 0 ] && echo "the lint finds what was planted"
    exit "$failed"
}

[ "${1:-}" = --self-test ] && self_test
cd "${1:-.}" || exit 2
[ -d libshm ] || { echo "no libshm here: $(pwd)"; exit 2; }
check_tree
[ "$offences" -eq 0 ] && exit 0
echo "$offences offences"
exit 1
