"""Reading and writing napari layers, and tables for other programs."""
