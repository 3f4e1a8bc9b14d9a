"""Query strategies, which select the next positions to label. See `registry` for the list."""
