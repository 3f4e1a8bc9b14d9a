"""Compute class averages of picks, for a quick check of the picks."""
