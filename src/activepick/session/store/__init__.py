"""Store sessions on disk: journal, lock and header."""
