"""The napari plugin: window, key bindings, layers and jobs. No other package imports Qt."""

from typing import Any

from activepick.imports import importing

__all__ = ["ActivePickWidget"]


def __getattr__(name: str) -> Any:
    if name == "ActivePickWidget":  # the dock opens 0.2 s earlier than with an import by napari
        with importing():
            from activepick._napari.widget import ActivePickWidget
        return ActivePickWidget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
