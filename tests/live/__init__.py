"""Verification of the running stack: each machine and the cluster as a whole, compared with the model.

May hold expectations about what runs, computed by `model/` from the stack's own configuration. May not change anything
that outlives the run: topics that a test makes are removed again.
"""
