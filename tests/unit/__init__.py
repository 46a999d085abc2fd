"""Tests of pure decisions, one file per module of model/, and of the programs that run on machines.

May use temporary folders. May not start a process, reach a network or need Pulumi's programs.
"""
