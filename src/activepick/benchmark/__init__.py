"""Learning curves: an oracle that knows the true particles answers the queries of a method."""
