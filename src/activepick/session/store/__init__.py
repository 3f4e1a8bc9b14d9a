"""A session on disk: journal, lock and header."""
