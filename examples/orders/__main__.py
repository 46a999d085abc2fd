"""A project of its own: a Kafka cluster on machines that are there already, and the topics that the shop needs."""

import pulumi

from kafka_cluster import cluster

DAY_MS = 86_400_000

kafka = cluster(
    {
        "platform": "hosts",
        "nodes": pulumi.Config().require_object("nodes"),
        "heap": "512M",
        "topics": [
            {"name": name, "partitions": 3, "settings": {"retention.ms": days * DAY_MS}}
            for name, days in {"orders": 30, "payments": 365}.items()
        ],
    }
)

pulumi.export("bootstrap_servers", kafka.bootstrap_servers)
