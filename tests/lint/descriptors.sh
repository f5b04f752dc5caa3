#!/bin/sh
# descriptors.sh - whatever the library, the headers and the daemon open passes through stelei_descriptor(),
# so that it is never 0, 1 or 2 (detail/descriptor.h). Usage: sh descriptors.sh ROOT | --self-test
# A statement that is meant otherwise says "not to be moved" on its line.
set -u

# Prints each statement that opens a descriptor and passes it nowhere.
offences() {
    find "$1/libshm" "$1/client/include" "$1/daemon" -name '*.[ch]' -print0 |
        xargs -0 awk '
        FNR == 1 { statement = ""; comment = 0 }
        /not to be moved/ { statement = ""; next }
        {
            line = $0
            if (comment && !sub(/^.*\*\//, "", line)) next
            comment = 0
            gsub(/\/\*[^*]*\*\//, "", line)
            if (sub(/\/\*.*/, "", line)) comment = 1
            if (line ~ /^[ \t]*#/) next
            statement = statement " " line
            if (line !~ /[;{}]/) next
            if (statement ~ /(^|[^A-Za-z0-9_.>"])(open(at)?|socket|accept4?|dup|shm_open|fopen|memfd_create|epoll_create1|eventfd|timerfd_create|signalfd|pipe2?)\(/ &&
                statement !~ /stelei_descriptor\(/)
                print FILENAME ":" FNR ":" statement
            statement = ""
        }'
}

check() {
    found=$(offences "$1")
    [ -z "$found" ] && return 0
    echo "descriptors that may be 0, 1 or 2 (pass them through stelei_descriptor()):"
    echo "$found"
    return 1
}

if [ "${1:-}" != --self-test ]; then
    check "$1"
    exit
fi
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/libshm" "$tree/client/include" "$tree/daemon"
cat >"$tree/libshm/good.c" <<'C'
/* open() of a thing */
int fd = stelei_descriptor(
    open(path, O_RDONLY));
net_open(fd);
fd = open("/dev/null", O_RDWR); /* not to be moved */
C
check "$tree" || exit 1
for bad in 'int fd = open(path, 0);' 'fd = accept4(s, a, b, c);' 'FILE *f = fopen(p, "re");'; do
    echo "$bad" >"$tree/daemon/bad.c"
    check "$tree" >/dev/null && { echo "missed: $bad"; exit 1; }
done
exit 0
