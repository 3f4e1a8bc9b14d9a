"""Pick the particles in cryo-EM micrographs after 10 to 100 clicks."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    # The version is looked up on first use: the look-up is slower than importing a small module.
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-activepick")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
