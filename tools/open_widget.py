"""Open a micrograph and the widget in napari as an installed plugin, and save a screenshot.

Run it as

    python -I tools/open_widget.py MICROGRAPH PICTURE

With -I, Python imports only what is installed.
"""

import sys

from qtpy.QtWidgets import QApplication

import activepick
import napari

PLUGIN = "napari-activepick"
SIZE = (1280, 800)


def main(micrograph: str, picture: str) -> None:
    """Open both by the manifest of the plugin, as napari's menus do."""
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    [layer] = viewer.open(micrograph, plugin=PLUGIN)
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "activepick")
    for _ in range(20):
        QApplication.processEvents()
    viewer.window.screenshot(picture, flash=False, canvas_only=False)
    print(f"{activepick.__file__}\n{type(widget).__name__} beside {layer.name}: {picture}")
    viewer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
