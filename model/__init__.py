"""Pure decisions: what a cluster is, judged and rendered.

May hold anything that can be decided from the configuration and from facts handed in. May not import
Pulumi, read a file, the clock or the environment, or speak to a machine: a test walks the imports.
"""
