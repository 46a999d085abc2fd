"""A machine that is there already, described by the configuration. Nothing of it is made or removed here."""

from pathlib import Path

import pulumi
from pulumi import Output, ResourceOptions

from components.hand import Hand, operate
from components.place import Place
from model.handover import Access
from model.paths import Paths
from model.settings import NodeSettings


class Host(pulumi.ComponentResource):
    """An existing machine. `place` is where its node goes."""

    place: Place

    def __init__(self, name: str, node: NodeSettings, opts: ResourceOptions | None = None) -> None:
        super().__init__("kafka-cluster:index:Host", name, {"address": node.address}, opts)
        key = Path(node.private_key_file).expanduser().read_text(encoding="utf-8")
        access = Output.secret(
            Access(
                name=node.name,
                address=node.address,
                port=node.port,
                user=node.user,
                host_key=node.host_key,
                private_key=key,
                jump_host=node.jump_host,
            )
        )
        document = access.apply(lambda access: {"access": access.model_dump(), "upload_folder": Paths.upload_folder})
        ready = operate(f"{name}-ready", "ready", stdin=Output.secret(Output.json_dumps(document)), parent=self)
        self.place = Place(
            hand=Hand(access, deleted_with=None),
            machine=ready.stdout.apply(lambda text: text.rsplit("machine ", 1)[-1].strip()),
            device=node.data_device,
            ready=ready,
        )
        self.register_outputs({"address": node.address})
