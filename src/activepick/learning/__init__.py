"""Learn a head from labels, and ask the next questions."""
