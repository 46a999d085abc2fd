"""The program: settings, cluster, outputs."""

import pulumi

from components import door
from components.deployment import deploy
from model import monitor, page, prometheus_config

settings = door.settings()
kafka = deploy(settings)
nodes = kafka.plan.nodes
stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"

pulumi.export("bootstrap_servers", kafka.bootstrap_servers)
pulumi.export("mode", settings.mode.value)
pulumi.export("cluster_id", kafka.cluster_id)
pulumi.export(
    "nodes", [{"name": node.name, "id": node.id, "address": node.address, "roles": list(node.roles)} for node in nodes]
)
pulumi.export("readme", page.text(settings, kafka.plan, stack))
pulumi.export("prometheus", prometheus_config.prometheus(kafka.plan, stack))
pulumi.export("monitor", monitor.url(settings.metrics))
pulumi.export("ssh", {node.name: f"kafka-cluster ssh {node.name}" for node in nodes})
