"""The program: settings, machines, cluster, outputs."""

import pulumi

from components import door, keys
from components.cluster import KafkaCluster
from components.platforms import machines
from model import advice, page, topology

settings = door.settings()
surroundings = door.surroundings(settings)
for warning in advice.warnings(settings):
    pulumi.log.warn(warning)

cluster = topology.plan(settings)
ground = machines(settings, surroundings)
cluster_id = keys.cluster_id(settings.cluster_id, ground.root)
kafka = KafkaCluster(
    "kafka",
    settings,
    cluster,
    ground.places,
    stack=f"{pulumi.get_project()}/{pulumi.get_stack()}",
    emulated=ground.emulated,
    cluster_id=cluster_id,
    archive=surroundings.archive,
    topics_before=surroundings.topics_before,
)

pulumi.export("bootstrap_servers", kafka.bootstrap_servers)
pulumi.export("mode", settings.mode.value)
pulumi.export("cluster_id", cluster_id)
pulumi.export(
    "nodes",
    [{"name": node.name, "id": node.id, "address": node.address, "roles": list(node.roles)} for node in cluster.nodes],
)
pulumi.export("readme", page.text(settings, cluster, f"{pulumi.get_project()}/{pulumi.get_stack()}"))
pulumi.export("ssh", {node.name: f"kafka-cluster ssh {node.name}" for node in cluster.nodes})
