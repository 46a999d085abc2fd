"""Trials that go on for an hour: an operation, and a fault at some moment of it: the moments in turn, the rest at random.

May hold what is tried and how. Not run by `make test`: `make soak`.
"""
