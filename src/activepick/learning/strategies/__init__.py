"""Query strategies: which positions to label next. The list is in `registry`."""
