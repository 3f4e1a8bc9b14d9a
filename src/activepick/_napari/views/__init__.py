"""Plain Qt widgets with setters and signals.

They know neither sessions nor napari, and take their colours from the theme of the window.
"""
