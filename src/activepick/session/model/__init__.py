"""The state of a session, and the actions that change it."""
