"""Train a head with labels, and choose the next queries."""
