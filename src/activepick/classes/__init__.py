"""Averages of the picks by class: what was picked, seen at a glance."""
