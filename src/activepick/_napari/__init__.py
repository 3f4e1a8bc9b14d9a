"""The napari plugin: the window, its keys, layers and jobs. Only it imports Qt and napari."""
