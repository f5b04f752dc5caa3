#!/bin/sh
# usage: dist.sh manual|units|install SOURCE-DIR BUILD-DIR CMAKE STELED
# What an operating system gets beside the program. Ends with 77, and says why, where the tool that
# would look at it is missing.
set -u
part=$1 source=$2 build=$3 cmake=$4 steled=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAILED: $*"
    failed=1
}
need() { # program
    command -v "$1" >/dev/null || { echo "skipped: $1 is not installed"; exit 77; }
}

# Every page builds; every option of the program is in its page, and no other; troff has no complaint.
manual() {
    need scdoc
    for page in "$source"/daemon/dist/*.scd; do
        name=$(basename "$page" .scd)
        scdoc <"$page" >"$work/$name" || fail "$page does not build"
        [ -s "$build/daemon/dist/$name" ] || fail "$name was not built"
        if command -v man >/dev/null; then
            LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z \
                "$work/$name" 2>"$work/said" >/dev/null || fail "man cannot show $name"
            [ ! -s "$work/said" ] || { cat "$work/said"; fail "troff complains of $name"; }
        fi
    done
    "$steled" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u >"$work/offered"
    # options stand at the start of a line, several with commas between them
    grep -E '^\*--' "$source/daemon/dist/steled.8.scd" | grep -oE -- '--[a-z][a-z-]+' |
        sort -u >"$work/described"
    [ -s "$work/offered" ] || fail "no options in --help"
    diff "$work/offered" "$work/described" || fail "--help and the page disagree"
}

# The units as installed, but with a program that is there.
units() {
    need systemd-analyze
    ln -s "$steled" "$work/program" # whose path may have a space
    sed "s|^ExecStart=[^ ]*|ExecStart=$work/program|" "$build/daemon/dist/steled@.service" \
        >"$work/steled@.service"
    cp "$source/daemon/dist/steled@.socket" "$work/"
    for unit in steled@try.service steled@try.socket; do
        SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$work/$unit" >"$work/said" 2>&1
        status=$?
        # about units of the system that this machine lacks, or about its state: not ours
        grep -i 'steled' "$work/said" >"$work/ours"
        [ "$status" -eq 0 ] || { cat "$work/said"; fail "$unit: systemd-analyze ended with $status"; }
        [ ! -s "$work/ours" ] || { cat "$work/ours"; fail "$unit: complaints"; }
    done
    # an error that is planted must be seen, or this looks at nothing
    sed 's|^PrivateNetwork=yes|PrivateNetwrk=yes|' "$work/steled@.service" >"$work/bad@.service"
    systemd-analyze verify --man=no "$work/bad@try.service" 2>&1 | grep -q PrivateNetwrk ||
        fail "a planted error goes unseen"
    # settings that would take the segment away from its readers
    for setting in 'RemoveIPC=no' 'RuntimeDirectoryPreserve=yes' 'User=stele'; do
        grep -qx "$setting" "$work/steled@.service" || fail "the unit lacks $setting"
    done
    grep -E '^(DynamicUser|PrivateUsers|TemporaryFileSystem)=' "$work/steled@.service" &&
        fail "the unit hides the segment or its peers"
}

install_all() {
    "$cmake" --install "$build" --prefix "$work/usr" >"$work/said" 2>&1 ||
        { cat "$work/said"; fail "installing"; }
    for file in lib/systemd/system/steled@.service lib/systemd/system/steled@.socket \
        lib/sysusers.d/stele.conf; do
        [ -s "$work/usr/$file" ] || fail "$file is not installed"
    done
    grep -q "^ExecStart=$work/usr/bin/steled " "$work/usr/lib/systemd/system/steled@.service" ||
        fail "the unit starts another program than the one installed with it"
    DESTDIR=$work/stage "$cmake" --install "$build" --prefix /opt/stele >"$work/said" 2>&1 ||
        { cat "$work/said"; fail "installing below DESTDIR"; }
    grep -q "^ExecStart=/opt/stele/bin/steled " \
        "$work/stage/opt/stele/lib/systemd/system/steled@.service" ||
        fail "DESTDIR is in the unit, or the prefix is not"
    "$work"/usr/bin/steled --version >/dev/null || fail "the installed program does not run"
    if command -v scdoc >/dev/null; then
        find "$work/usr" -name steled.8 | grep -q man8 || fail "steled.8 is not installed"
    fi
    grep -q '@' "$work/usr/lib/systemd/system/steled@.service" &&
        grep -E '@[A-Z_]+@' "$work/usr/lib/systemd/system/steled@.service" && fail "not configured"
}

case $part in
manual) manual ;;
units) units ;;
install) install_all ;;
*) echo "no such part: $part"; exit 2 ;;
esac
exit "$failed"
