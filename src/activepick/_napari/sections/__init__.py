"""Sections of the widget, in the order of the workflow."""
