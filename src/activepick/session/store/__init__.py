"""Sessions on disk: journal, lock and header."""
