"""Tests of pure decisions, one file per module of model/, and of the programs that run on machines.

May use temporary folders, and ask git what is committed. May not start anything else, reach a network or need
Pulumi's programs.
"""
