"""Pick many micrographs, one after the other on this machine or spread over a cluster.

Only one process writes, the one that was started. What it has written is listed in a record beside
the output, so that the next run picks only what is new or changed.
"""
