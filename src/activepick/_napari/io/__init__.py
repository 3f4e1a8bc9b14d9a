"""Readers and writers of napari layers, and tables of other programs."""
