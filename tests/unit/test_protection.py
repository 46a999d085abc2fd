"""That no engine deletes what the configuration says is protected."""

from typing import Any

import pytest

from model.machine_names import MachineNames
from model.protection import NotApplied, refuse_unapplied

NAMES = MachineNames("kafka-cluster", "dev")


def data_volume(protect: bool | None, number: int = 1) -> dict[str, Any]:
    """A data volume as a state has it; None where the state says nothing of it, as Pulumi leaves out what is false."""
    said = {} if protect is None else {"protect": protect}
    return {"type": "libvirt:index/volume:Volume", "outputs": {"name": NAMES.data_volume(number)}, **said}


ROOT = {"type": "libvirt:index/volume:Volume", "outputs": {"name": NAMES.root_volume("n1")}}
BEGUN = {"type": "libvirt:index/volume:Volume", "inputs": {"name": NAMES.data_volume(3)}}


@pytest.mark.parametrize("known", [[], [ROOT], [data_volume(True)], [ROOT, {"type": "pulumi:pulumi:Stack"}]])
def test_where_no_unprotected_data_is_nothing_is_refused(known: list[dict[str, Any]]) -> None:
    refuse_unapplied(known, NAMES)


def test_the_volumes_that_would_go_are_named() -> None:
    known = [ROOT, data_volume(True), data_volume(None, 2), BEGUN]
    with pytest.raises(NotApplied) as refused:
        refuse_unapplied(known, NAMES)
    said = str(refused.value)
    assert NAMES.data_volume(2) in said and NAMES.data_volume(3) in said, "whoever reads it must know what is at stake"
    assert NAMES.data_volume(1) not in said, "the engine refuses that one itself"
