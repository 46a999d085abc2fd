"""Tests, one folder for each kind: pure (`unit`), against a recording engine (`graph`), against our own plugins
(`conformance`), against the running stack (`live`), and from `up` to `destroy` on machines of their own (`lifecycle`).
"""
