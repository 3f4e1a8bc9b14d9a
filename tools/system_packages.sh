#!/bin/sh
# Install missing Debian packages if this is possible and allowed:
#     system_packages.sh PURPOSE PACKAGE...
# Otherwise print their names. Never fails: the programs that need them report it.
set -u
purpose=$1
shift

# Since 2024, some libraries are called NAMEt64 in Debian and Ubuntu.
installed() {
    for name in "$1" "${1}t64"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
        installed) return 0 ;;
        esac
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@"
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    [ "$(uname -s)" = Linux ] &&
        echo "note: $purpose needs these Debian packages or their equivalents: $*"
    exit 0
fi
missing=
for package in "$@"; do
    installed "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; then
    echo "system packages for $purpose:$missing"
    # shellcheck disable=SC2086  # one word a package
    install $missing >"$log" 2>&1 && exit 0
    tail -n 3 "$log" >&2
fi
echo "note: $purpose needs system packages: sudo apt-get install$missing" >&2
exit 0
