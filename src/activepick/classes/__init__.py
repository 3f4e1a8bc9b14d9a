"""Compute class averages of picks, for a quick check of the picks."""

from activepick.threads import wait_without_spinning

wait_without_spinning()  # before PyTorch is imported
