"""Open napari with the plugin's sample micrograph, as `make napari` does."""

import os
import sys


def main() -> None:
    """Open the window and wait until it is closed."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        sys.exit("There is no screen to open a window on: neither DISPLAY nor WAYLAND_DISPLAY.")
    import napari

    viewer = napari.Viewer(title="activepick")
    viewer.open_sample("napari-activepick", "simulated-micrograph")
    napari.run()


if __name__ == "__main__":
    main()
