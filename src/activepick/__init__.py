"""Find all the particles in cryo-EM micrographs after 10 to 100 clicks."""

from importlib.metadata import version

__version__ = version("napari-activepick")
