"""Learn a head from labels, and choose the next queries."""
