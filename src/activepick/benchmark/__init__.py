"""Learning curves: an oracle that knows the truth answers the questions of a method."""
