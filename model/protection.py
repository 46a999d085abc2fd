"""Whether the engine protects what the configuration says it does.

Knows that it obeys the state: `protect` of a data volume is what the last `up` made of `protectData`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model import state
from model.machine_names import MachineNames

_VOLUME = "libvirt:index/volume:Volume"


class NotApplied(Exception):
    """Data is to be protected, and the engine would delete it all the same; nothing was touched."""


def refuse_unapplied(resources: Iterable[Mapping[str, Any]], names: MachineNames) -> None:
    """Raises NotApplied where a state has data volumes that it does not protect; asked where protectData is true."""
    volumes = [one for one in state.of_type(resources, _VOLUME) if not one.get("protect")]
    called = [str(state.outputs(one).get("name") or state.inputs(one).get("name", "")) for one in volumes]
    if bare := [name for name in called if names.is_data_volume(name)]:
        raise NotApplied(
            f"protectData is true, and no `up` has applied it: Pulumi would delete {', '.join(bare)}. Nothing was touched."
            " To keep the records: `pulumi up` first. Where they may go: `pulumi config set protectData false`, and once"
            " more"
        )
