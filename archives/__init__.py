"""The Kafka archive: where it comes from, and what an assembled one is made of. Knows nothing of machines."""
