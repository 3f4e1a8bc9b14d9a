"""Active learning on a session: features, head, peaks and queries."""
