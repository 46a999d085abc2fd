"""The look at machines that are there: everything that stands in the way is told at the first attempt."""

import asyncio
import time
from typing import Any

import pytest

from model import fitness, stages
from model.handover import Access
from operations import fit
from operations.fit import Candidate, Candidates
from operations.machine import Machine, StageFailed

from . import samples

CLUSTER = samples.cluster(3)


class Scene:
    """Machines by their names: the id that each says it has, and the account that it gives or fails to give."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ids = {node.name: node.name for node in CLUSTER.nodes}
        self.fails: dict[str, str] = {}
        self.says: dict[str, dict[str, Any]] = {}
        self.ahead: dict[str, float] = {}
        scene = self

        class Opened:
            def __init__(self, access: Access) -> None:
                self.access = access

            async def __aenter__(self) -> Machine:
                return Machine(self.access, None)  # type: ignore[arg-type]

            async def __aexit__(self, *_: object) -> None:
                return None

        async def run(machine: Machine, command: str, stdin: str = "") -> str:
            name = machine.access.name
            return f"{time.time() + scene.ahead.get(name, 0)}\n{scene.ids[name]}\nboot\n" if "date" in command else ""

        async def ask(machine: Machine, *_: Any) -> Any:
            name = machine.access.name
            if name in scene.fails:
                raise StageFailed(scene.fails[name])
            return ACCOUNT | {"addresses": [machine.access.address], **scene.says.get(name, {})}

        monkeypatch.setattr(fit, "connect", Opened)
        monkeypatch.setattr(Machine, "run", run)
        monkeypatch.setattr(Machine, "ask", ask)

    def told(self, accepted: str = "") -> str:
        """What the look at all of them ends with."""
        try:
            asyncio.run(fit.check(CANDIDATES.model_copy(update={"accepted": accepted})))
        except fit.Unfit as error:
            return str(error)
        return ""


def candidate(number: int) -> Candidate:
    node = CLUSTER.nodes[number]
    needs = fitness.needs(CLUSTER, node, stack="kafka-cluster/dev", heap="1G", device="")
    access = Access(name=node.name, address=node.address, user="admin", host_key="h", private_key="k")
    return Candidate(access=access, needs=needs, look=stages.fit(CLUSTER, node, ""))


CANDIDATES = Candidates(nodes=tuple(map(candidate, range(3))))
ACCOUNT: dict[str, Any] = {
    "system": "debian 12",
    "system_name": "Debian",
    "memory_mib": 4096,
    "free_mib": {"home": 4096, "data": 4096},
    "listeners": [],
    "device": None,
    "claim": None,
    "owner": None,
    "present": [],
    "units": {},
    "java": None,
}


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_machines_that_nothing_is_wrong_with(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.told() == ""
    assert "n1, n2, n3: fit for their nodes" in capsys.readouterr().out


def test_one_machine_twice_is_told_although_it_gives_no_account(scene: Scene) -> None:
    scene.ids["n2"] = scene.ids["n1"]
    scene.fails["n2"] = "n2: stage 'fit': found no mkfs.xfs"
    scene.ahead["n2"] = 60
    told = scene.told()
    assert "n1 and n2: found the same machine (n1), expected two" in told, (
        "it would be told only once the rest is mended"
    )
    assert "found no mkfs.xfs" in told
    assert "n2: found a clock that is" in told


def test_an_empty_disk_beside_kept_ones_is_told_until_it_is_allowed(scene: Scene) -> None:
    for number, name in ((1, "n1"), (3, "n3")):
        scene.says[name] = {"owner": {"stack": "kafka-cluster/dev", "node_id": number}}
    assert "n2: found an empty disk, and a cluster's data on n1, n3" in scene.told()
    assert scene.told("n2") == ""


def test_one_disk_for_two_nodes_is_told(scene: Scene) -> None:
    for name in ("n1", "n3"):
        scene.says[name] = {"device": {"size_mib": 4096, "content": "", "mounted_at": [], "wwn": "0x600a098038303053"}}
    assert "n1 and n3: found the same disk (WWN 0x600a098038303053)" in scene.told()
