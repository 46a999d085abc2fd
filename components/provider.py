"""The cluster as a component that programs name by the package's schema, whatever language they are written in.

Knows how the engine asks a provider for a component. Refuses to know keys and types (`model/package_schema.py`).
"""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Inputs, Output, ResourceOptions
from pulumi.provider import ConstructResult, Provider

from components import door
from components.deployment import deploy
from model.package_schema import COMPONENT, package_schema


class Cluster(pulumi.ComponentResource):
    """A whole cluster with its machines."""

    bootstrap_servers: Output[str]
    cluster_id: Output[str]

    def __init__(self, name: str, config: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        super().__init__(COMPONENT, name, {}, opts)
        kafka = deploy(door.judged(config), ResourceOptions(parent=self))
        self.bootstrap_servers, self.cluster_id = kafka.bootstrap_servers, kafka.cluster_id
        self.register_outputs(self.state)

    @property
    def state(self) -> dict[str, Output[str]]:
        """The outputs, by the names of the schema."""
        return {"bootstrapServers": self.bootstrap_servers, "clusterId": self.cluster_id}


class PackageProvider(Provider):
    """Answers the engine with the one component there is."""

    def __init__(self, version: str, sentences: Mapping[str, str]) -> None:
        super().__init__(version, json.dumps(package_schema(version, sentences)))

    def construct(
        self, name: str, resource_type: str, inputs: Inputs, options: ResourceOptions | None = None
    ) -> ConstructResult:
        """Asks for the component; a RunError says what can't be."""
        if resource_type != COMPONENT:
            raise pulumi.RunError(f"{resource_type}: this package has {COMPONENT} only")
        cluster = Cluster(name, inputs, options)
        return ConstructResult(cluster.urn, cluster.state)
