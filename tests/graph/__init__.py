"""Tests of the program and its components against an engine that records and makes nothing; no CLI, no plugin.

May run __main__.py. May not start a process or reach a network. Nothing is counted before the program has ended.
"""
