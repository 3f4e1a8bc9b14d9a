"""Learning curves of methods whose queries are answered by an oracle from the true particles."""
