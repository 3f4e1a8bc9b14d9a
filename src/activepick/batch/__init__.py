"""Many micrographs: one after the other on this machine, or shared out among those of a cluster.

Whoever computes, one process writes: the one that was started. What it has written stands in a
record beside the output, so that the next run does only what is new or changed.
"""
