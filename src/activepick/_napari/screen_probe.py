"""Open a Qt application and print the platform and the OpenGL version as JSON.

`activepick.screen` runs it as ``python -m activepick._napari.screen_probe``. If there is no display
or a library is missing, Qt aborts the process, and only its text on stderr remains.
"""

import json

__all__ = ["probe"]


def probe() -> dict[str, object]:
    """Open a Qt application and an OpenGL context.

    Returns
    -------
    dict
        `platform`: name of Qt's platform plugin; `opengl`: [major, minor], None without OpenGL.
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
