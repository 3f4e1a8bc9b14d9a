"""Average picks by class, for a quick check of what was picked."""
