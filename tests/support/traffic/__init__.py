"""Producers and a consumer that never stop while something is done to a cluster, and a verdict over what they saw.

May hold clients and what is made of their observations. May not hold expectations: those are the tests' own.
"""
