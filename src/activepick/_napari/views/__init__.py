"""Plain Qt widgets with setters and signals.

They do not depend on sessions or napari, and use the colours of the window's theme.
"""
