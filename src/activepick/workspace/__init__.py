"""Active learning on a session: features, head, questions and picks."""
