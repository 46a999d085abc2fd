"""What other projects import: `from kafka_cluster import cluster`.

May hold names that stay as they are for those who use them. May not hold anything of its own: that is in the other rooms.
"""

from collections.abc import Mapping
from typing import Any

from components import door
from components.cluster import KafkaCluster
from components.deployment import deploy

__all__ = ["KafkaCluster", "cluster"]


def cluster(config: Mapping[str, Any]) -> KafkaCluster:
    """A Kafka cluster on machines, in the project that calls this; at most one in a stack.

    `config` has the keys of this project's Pulumi.yaml, without its name before them. What is wrong with it is raised as
    pulumi.RunError, all at once, before the engine is asked for anything.
    """
    return deploy(door.judged(config))
