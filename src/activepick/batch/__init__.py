"""Pick many micrographs, one after the other on this computer or in parallel on a cluster.

Only the process that was started writes files. A record next to the output lists the micrographs
that it has picked, so that the next run picks only those that are new or changed.
"""
