"""What is brought to machines: the Kafka archive, and what an assembled one is made of; the metrics agents.

Knows where they come from. Knows nothing of machines.
"""
