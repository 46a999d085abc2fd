"""The machine that watches a cluster, from the point where one can log in to it.

Knows the order of its stages. Refuses to know where the machine comes from, and is known by nothing of the cluster: what
fails here fails alone.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceOptions

import files
from components.hand import operate
from components.place import Place, there
from model import monitor, stages
from model.handover import MONITOR_TYPE, SERVES
from model.metrics import MonitorSettings
from model.settings import Settings
from model.times import patience
from model.topology import Cluster
from operations.preflight import ArchiveFile


class Monitor(pulumi.ComponentResource):
    """Prometheus on a machine of its own."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        watched: MonitorSettings,
        cluster: Cluster,
        place: Place,
        *,
        stack: str,
        emulated: Output[bool],
        prometheus: ArchiveFile,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(MONITOR_TYPE, name, {"address": watched.address, "port": watched.web_port}, opts)
        self._watched, self._place = watched, place
        program = self._program(cluster, stack, settings.reapply, prometheus)
        uploaded = place.upload(f"{watched.name}-prometheus", prometheus, self)
        told = place.stage(f"{watched.name}-watching", program, self, [uploaded])
        self._serves(program, emulated, told)
        self.register_outputs({})

    def _program(self, cluster: Cluster, stack: str, reapply: str, prometheus: ArchiveFile) -> Output[str]:
        """What makes Prometheus watch the cluster."""

        def planned(login: str) -> Mapping[str, Any]:
            return monitor.watching(
                cluster,
                self._watched,
                stack=stack,
                login=login,
                upload=there(prometheus),
                reapply=reapply,
                texts=files.text,
            )

        return self._place.login.apply(lambda login: stages.program(files.text, ("pieces", "watching"), planned(login)))

    def _serves(self, program: Output[str], emulated: Output[bool], told: Resource) -> None:
        """Waits until Prometheus answers, whenever it was told something else."""
        hand = self._place.hand
        watcher = {
            "access": hand.access.apply(lambda access: access.model_dump()),
            "ready": monitor.ready(self._watched),
            "service": stages.MONITOR_UNIT,
            "told": program.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()),
            "patience": emulated.apply(patience),
        }
        operate(
            f"{self._watched.name}{SERVES}",
            "watched",
            stdin=Output.secret(Output.json_dumps(watcher)),
            parent=self,
            depends_on=[told],
            deleted_with=hand.deleted_with,
        )
