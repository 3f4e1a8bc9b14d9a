"""The parts of the window that show and ask: plain widgets with setters and signals.

They know nothing of sessions or of napari, and read their colours from the theme around them.
"""
