"""The machine that watches a cluster, from the point where one can log in to it.

Knows the order of its stages. Refuses to know where the machine comes from, and is known by nothing of the cluster: what
fails here fails alone.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

import files
from components.hand import operate
from components.node import there
from components.place import Place
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

        def planned(login: str) -> Mapping[str, Any]:
            return monitor.watching(
                cluster,
                watched,
                stack=stack,
                login=login,
                upload=there(prometheus),
                reapply=settings.reapply,
                texts=files.text,
            )

        def command(word: str) -> Output[str]:
            return place.machine.apply(lambda machine: stages.command(word, machine=machine))

        login = Output.unsecret(place.hand.access.apply(lambda access: access.user))
        program = login.apply(lambda login: stages.program(files.text, ("pieces", "watching"), planned(login)))
        uploaded = place.hand.upload(
            f"{watched.name}-prometheus",
            file=str(prometheus.path),
            to=there(prometheus).path,
            machine=place.machine,
            parent=self,
            depends_on=[place.ready],
        )
        told = place.hand.stage(
            f"{watched.name}-watching",
            first=command("first"),
            again=command("again"),
            program=program,
            parent=self,
            depends_on=[uploaded],
        )
        watcher = {
            "access": place.hand.access.apply(lambda access: access.model_dump()),
            "ready": monitor.ready(watched),
            "service": stages.MONITOR_UNIT,
            "told": program.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()),
            "patience": emulated.apply(patience),
        }
        operate(
            f"{watched.name}{SERVES}",
            "watched",
            stdin=Output.secret(Output.json_dumps(watcher)),
            parent=self,
            depends_on=[told],
            deleted_with=place.hand.deleted_with,
        )
        self.register_outputs({})
