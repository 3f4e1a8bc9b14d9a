#!/bin/sh
# Install a wheel with its window into an empty environment, and open the widget there, as napari
# finds it by the plugin's manifest, in a folder where nothing of the checkout can be imported:
#     try_wheel.sh WHEEL PICTURE [PIP OPTION...]
# The window is then in PICTURE. PYTHON names the Python to use. RESOLUTION=lowest-direct installs the
# oldest versions that the package allows, by uv, instead of the newest ones.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
wheel=$(realpath "$1")
mkdir -p "$(dirname "$2")"
picture=$(realpath "$2")
shift 2

empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
"${PYTHON:-python3}" -m venv "$empty/environment"
bin=$empty/environment/bin
echo "installing $wheel into an empty environment"
if [ -n "${RESOLUTION:-}" ]; then
    "$bin/python" -m pip install --quiet --disable-pip-version-check uv
    "$bin/uv" pip install --quiet --python "$bin/python" --resolution "$RESOLUTION" "$@" "$wheel[all]"
else
    "$bin/python" -m pip install --quiet --disable-pip-version-check "$@" "$wheel[all]"
fi
"$bin/python" -m pip check

mkdir "$empty/folder"
cd "$empty/folder"
"$bin/activepick" --version
"$bin/npe2" validate napari-activepick
"$bin/activepick" simulate set --micrographs 1
"$bin/activepick" pick set --diameter 150 --out picks.star
NAPARI_CONFIG=$empty/napari.yaml "$tools/with_display.sh" \
    "$bin/python" -I "$tools/open_widget.py" set/micrograph_001.mrc "$picture"
