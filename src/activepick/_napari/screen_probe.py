"""Try to open a window, in a process of its own, and print what came of it.

Run as ``python -m activepick._napari.screen_probe``. Where there is no screen, or a library is
missing, Qt ends the process that tries, and all that is left is what it wrote to stderr.
"""

import json

__all__ = ["probe"]


def probe() -> dict[str, object]:
    """Tell how Qt reaches the screen, and which OpenGL it finds there.

    Returns
    -------
    dict
        `platform`, the name of Qt's plugin; `opengl`, [major, minor], or None without any.
    """
    from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
    from qtpy.QtOpenGLWidgets import QOpenGLWidget  # noqa: F401  napari draws on one

    application = QGuiApplication(["activepick"])
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    works = context.create() and context.makeCurrent(surface)
    version = [context.format().majorVersion(), context.format().minorVersion()]
    return {"platform": application.platformName(), "opengl": version if works else None}


if __name__ == "__main__":
    print(json.dumps(probe()))
