"""Effects on a running cluster, from the operator's side: wait, start, ask.

May speak to machines and to Kafka. May not decide (that is `model/`) and may not import Pulumi.
"""
