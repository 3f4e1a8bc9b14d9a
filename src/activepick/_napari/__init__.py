"""The napari plugin: the window, its keys, layers and jobs. Qt and napari are imported only here."""
