"""Score maps and their peaks: numpy and scipy only."""
