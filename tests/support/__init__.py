"""What several kinds of tests need: stacks, machines, ssh and Kafka's own tools, from the operator's side.

May hold helpers that know how to reach a thing. May not hold expectations: those are the tests' own.
"""
