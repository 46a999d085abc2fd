"""A whole deployment: machines, cluster and topics, from the configuration that says so.

The one place that knows the order of it; this project's own program and those of others (`kafka_cluster/`) call it.
"""

import pulumi
from pulumi import ResourceOptions

from components import door, keys
from components.cluster import KafkaCluster
from components.monitor import Monitor
from components.platforms import machines
from model import advice, topology
from model.settings import Settings


def deploy(settings: Settings, opts: ResourceOptions | None = None) -> KafkaCluster:
    """Asks the engine for everything; a RunError says beforehand what stands in the way. `opts` are those of the outermost
    components."""
    surroundings = door.surroundings(settings)
    settings = settings.model_copy(update={"cluster_id": surroundings.cluster_id})
    for warning in advice.warnings(settings):
        pulumi.log.warn(warning)
    ground = machines(settings, surroundings, opts)
    plan, stack = topology.plan(settings), f"{pulumi.get_project()}/{pulumi.get_stack()}"
    kafka = KafkaCluster(
        "kafka",
        settings,
        plan,
        ground.places,
        surroundings,
        stack=stack,
        emulated=ground.emulated,
        cluster_id=keys.cluster_id(settings.cluster_id, ground.root),
        opts=opts,
    )
    if settings.metrics.monitor and surroundings.prometheus:
        # Last of all: what fails there must not keep the engine from anything of the cluster's.
        Monitor(
            "monitor",
            settings,
            settings.metrics.monitor,
            plan,
            ground.beside(settings.metrics.monitor, [kafka]),
            stack=stack,
            emulated=ground.emulated,
            prometheus=surroundings.prometheus,
            opts=opts,
        )
    return kafka
