# install.sh - sourced by the set-up commands: `need_packages NAME ...` installs what is missing, and
# `want_packages NAME ...` does so where it can and goes on where it cannot.
# Debian and Ubuntu; as root, or with sudo. Asks for nothing when nothing is missing.

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            printf ' %s' "$package"
    done
}

need_packages() {
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    if ! command -v apt-get >/dev/null; then
        echo "This command installs Debian packages; please install by hand:$missing" >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || {
            echo "Not root and no sudo; please install by hand:$missing" >&2
            return 1
        }
        as_root="sudo"
    fi
    echo "installing:$missing"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
            --no-install-recommends $missing >/dev/null
}

want_packages() {
    for wanted in "$@"; do
        [ -z "$(missing_packages "$wanted")" ] && continue
        (need_packages "$wanted") 2>/dev/null || echo "going on without $wanted"
    done
}
