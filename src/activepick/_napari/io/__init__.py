"""Read and write napari layers, and tables of other programs."""
