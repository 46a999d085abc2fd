"""A machine that is there already, described by the configuration. Nothing of it is made or removed here."""

from pathlib import Path
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.hand import Hand, operate
from components.place import Place
from model.handover import Access, Login
from model.paths import Paths
from model.settings import JumpSettings, NodeSettings


class Host(pulumi.ComponentResource):
    """An existing machine. `place` is where its node goes."""

    place: Place

    def __init__(
        self, name: str, node: NodeSettings, *, go_ahead: Output[bool], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("kafka-cluster:index:Host", name, {"address": node.address}, opts)
        jump = Login(**_login(node.jump_host)) if node.jump_host else None
        planned = Access(name=node.name, jump_host=jump, **_login(node))
        access: Output[Access] = Output.all(Output.secret(planned), go_ahead).apply(lambda values: values[0])
        document = access.apply(lambda access: {"access": access.model_dump(), "upload_folder": Paths.upload_folder})
        ready = operate(f"{name}-ready", "ready", stdin=Output.secret(Output.json_dumps(document)), parent=self)
        self.place = Place(
            hand=Hand(access, deleted_with=None, jumps=jump is not None),
            machine=ready.stdout.apply(lambda text: text.rsplit("machine ", 1)[-1].strip()),
            device=node.data_device,
            ready=ready,
        )
        self.register_outputs({"address": node.address})


def _login(settings: NodeSettings | JumpSettings) -> dict[str, Any]:
    """The login that the settings describe, with the key that its file holds."""
    return {
        "address": settings.address,
        "port": settings.port,
        "user": settings.user,
        "host_key": settings.host_key,
        "private_key": Path(settings.private_key_file).expanduser().read_text(encoding="utf-8"),
    }
