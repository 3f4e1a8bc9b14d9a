"""The napari plugin: window, key bindings, layers and jobs. No other package imports Qt."""
