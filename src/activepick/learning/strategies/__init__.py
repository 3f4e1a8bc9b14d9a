"""Query strategies: which positions to ask about next."""
