#!/bin/sh
# Create or update the virtual environment .venv:
#     environment.sh PYTHON EXTRAS
set -eu
python=$1
extras=$2

fail() {
    echo "error: $*" >&2
    exit 1
}

"$python" -c '' 2>/dev/null || fail "$python does not run: name another with make PYTHON=..."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
3.11 | 3.12) ;;
*) fail "$python is Python $version, but 3.11 or 3.12 is needed: make PYTHON=python3.11" ;;
esac

can_make_environments() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null
}
can_make_environments || "$(dirname "$0")/system_packages.sh" "a Python environment" \
    "python$version-venv"
can_make_environments || fail "$python lacks venv or ensurepip (Debian: python$version-venv)"

# Start again if the Python differs from that of an earlier run, or if that run was interrupted.
if [ "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" \
    != "$version" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear .venv
fi
echo "installing into .venv (some minutes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -c constraints.txt -e ".[$extras]"
