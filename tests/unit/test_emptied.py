"""Whether a node may go on with an empty disk: over many states of the rest of its cluster, and of its own storage."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import emptied, stages, topology
from model.emptied import Emptied, Other
from model.handover import Access, seats
from model.health import Ensemble, Member, Partition, Quorum, Sample
from model.kafka_keys import Mode
from model.settings import read
from model.topology import Cluster, Node
from operations import emptied as asking
from operations.kafka_view import KafkaView
from operations.machine import Machine as Reached
from operations.machine import StageFailed, Unreachable

from .samples import cluster, nodes
from .stage_machine import Machine, Plan, snapshot, write_json

KRAFT, ZOOKEEPER = cluster(3), cluster(3, Mode.ZOOKEEPER)
SECOND = KRAFT.nodes[1]


def shape(*roles: tuple[str, ...]) -> Cluster:
    """A KRaft cluster of nodes with these roles."""
    entries = [{**node, "roles": list(wanted)} for node, wanted in zip(nodes(len(roles)), roles, strict=True)]
    return topology.plan(read({"nodes": entries}))


def part(leader: int, isr: Iterable[int], replicas: Iterable[int] = (1, 2, 3), number: int = 0) -> Partition:
    return Partition("t", number, leader, tuple(replicas), tuple(isr))


WELL = {1: Member(0), 2: Member(90, silent_ms=60_000), 3: Member(0)}


def kraft(*partitions: Partition, voters: dict[int, Member] | None = None, leader: int = 1) -> Sample:
    """What is seen while node 2 is away."""
    return Sample(frozenset({1, 3}), leader, partitions, Quorum(leader, WELL if voters is None else voters, {}))


def zookeeper(*partitions: Partition, **states: str) -> Sample:
    members = {1: "follower", 2: "no answer (refused)", 3: "leader"} | {int(k[1:]): v for k, v in states.items()}
    return Sample(frozenset({1, 3}), 1, partitions, ensemble=Ensemble(members))


SAFE: dict[str, tuple[Cluster, Sample, Node]] = {
    "the others vote and are caught up": (KRAFT, kraft(), SECOND),
    "its partitions are led elsewhere": (KRAFT, kraft(part(1, (1, 3)), part(3, (3,), number=1)), SECOND),
    "it was the only replica": (KRAFT, kraft(part(-1, (2,), (2,))), SECOND),
    "a partition that is none of its own has no leader": (KRAFT, kraft(part(-1, (1,), (1, 3))), SECOND),
    "the ensemble is well but for it": (ZOOKEEPER, zookeeper(part(1, (1, 3))), SECOND),
    "a mere broker needs no vote but the leader's": (
        shape(("controller",), ("broker",), ("controller",), ("controller",), ("broker",)),
        kraft(part(5, (5,), (2, 5)), voters={1: Member(0), 3: Member(0), 4: Member(9, silent_ms=60_000)}),
        SECOND,
    ),
}
UNSAFE: dict[str, tuple[Cluster, Sample, Node, str]] = {
    "nobody answers": (KRAFT, Sample(frozenset(), -1, (), faults=("no broker listens",)), SECOND, "no broker listens"),
    "a voter is behind": (
        KRAFT,
        kraft(voters={**WELL, 3: Member(7, behind_ms=60_000)}),
        SECOND,
        "voter 3 (n3): 7 records behind",
    ),
    "a voter is away": (
        KRAFT,
        kraft(voters={**WELL, 1: Member(0, silent_ms=9000)}, leader=3),
        SECOND,
        "voter 1 (n1): not heard of for 9 s",
    ),
    "a voter is missing": (KRAFT, kraft(voters={1: Member(0), 2: Member(0)}), SECOND, "voter 3 (n3): not known"),
    "nobody leads the quorum": (KRAFT, replace(kraft(), quorum=None, controller=-1), SECOND, "no controller answers"),
    "a broker goes on without a quorum": (
        shape(("controller",), ("broker",), ("broker",)),
        replace(kraft(), quorum=None, controller=-1),
        SECOND,
        "no controller answers",
    ),
    "it was the only voter": (
        shape(("broker",), ("controller",), ("broker",)),
        kraft(),
        SECOND,
        "n2 was the only voter",
    ),
    "it is still there": (
        KRAFT,
        replace(kraft(), brokers=frozenset({1, 2, 3})),
        SECOND,
        "broker 2 is still registered; stop kafka.service on n2",
    ),
    "it was the last one in sync": (
        KRAFT,
        kraft(part(-1, (2,)), part(1, (1, 3), number=1)),
        SECOND,
        "n2 was the only one in sync of 1 replicated partitions (t-0), and only an unclean election",
    ),
    "nobody is in sync": (KRAFT, kraft(part(-1, ())), SECOND, "n2 was the only one in sync"),
    "it still counts as the leader": (KRAFT, kraft(part(2, (2,))), SECOND, "n2 was the only one in sync"),
    "who is in sync is away": (
        KRAFT,
        kraft(*(part(-1, (2, 3), number=n) for n in range(5))),
        SECOND,
        "the in-sync replicas of 5 partitions are away (t-0, t-1, t-2, and 2 more)",
    ),
    "a member of the ensemble is away": (
        ZOOKEEPER,
        zookeeper(n3="no answer (timed out)"),
        SECOND,
        "voter 3 (n3): no answer (timed out)",
    ),
    "the ensemble runs elsewhere": (ZOOKEEPER, replace(zookeeper(), ensemble=None), SECOND, "voter 1 (n1): not known"),
}


@pytest.mark.parametrize("case", SAFE)
def test_nothing_more_is_lost(case: str) -> None:
    assert emptied.dangers(*SAFE[case]) == [], "a lost disk could never be made anew"


@pytest.mark.parametrize("case", UNSAFE)
def test_what_an_empty_disk_would_destroy_is_named(case: str) -> None:
    planned, sample, node, told = UNSAFE[case]
    assert told in "; ".join(emptied.dangers(planned, sample, node)), "others would throw away what they have"


COUNTS = st.sampled_from((3, 5))


@given(COUNTS, st.data(), st.sampled_from(Mode))
def test_a_committed_decision_outlives_an_empty_voter(count: int, data: st.DataObject, mode: Mode) -> None:
    """Whatever a majority knew, every later majority has one that knows it."""
    planned = cluster(count, mode)
    ids = [node.id for node in planned.voters]
    lost = data.draw(st.sampled_from(planned.nodes))
    behind = set(data.draw(st.lists(st.sampled_from(ids), max_size=count))) - {lost.id}
    if mode is Mode.KRAFT:
        voters = {each: Member(9 if each in behind else 0) for each in ids}
        sample = Sample(frozenset(ids) - {lost.id}, 1, (), Quorum(1, voters, {}))
    else:
        states = {each: "no answer" if each in behind else "follower" for each in ids}
        sample = Sample(frozenset(ids) - {lost.id}, 1, (), ensemble=Ensemble(states))
    ignorant = behind | {lost.id}
    if len(ignorant) > count // 2:
        assert emptied.dangers(planned, sample, lost), "a majority that knows nothing of it could elect a leader"
    if not behind:
        assert not emptied.dangers(planned, sample, lost)


BOTH, VOTES, SERVES = ("broker", "controller"), ("controller",), ("broker",)


@pytest.mark.parametrize(
    ("roles", "number", "alone"),
    [
        ((BOTH,), 1, True),
        ((VOTES, SERVES), 2, True),
        ((VOTES, SERVES), 1, False),
        ((VOTES, SERVES, SERVES), 2, False),
        ((BOTH, VOTES, VOTES), 1, False),
        ((BOTH, BOTH, BOTH), 1, False),
    ],
)
def test_who_has_nobody_to_be_asked(roles: tuple[tuple[str, ...], ...], number: int, alone: bool) -> None:
    planned = shape(*roles)
    assert emptied.is_alone(planned, planned.nodes[number - 1]) is alone


def test_partitions_that_go_with_the_disk_are_named() -> None:
    sample = kraft(part(-1, (2,), (2,), number=4), part(-1, (2,)), part(1, (1,), (1,), number=7))
    assert emptied.lost(sample, SECOND) == ["t-4"]


def test_the_state_tells_who_was_formatted() -> None:
    urns = ["urn::n1-formatted", "urn::n2-configured", "urn::n-3-formatted"]
    assert emptied.formatted([{"urn": urn} for urn in urns] + [{}]) == {"n1", "n-3"}


# -- the machine -----------------------------------------------------------------------------------------------


@pytest.fixture
def look(machine: Machine) -> Plan:
    data = machine.path("/var/lib/kafka")
    data.mkdir()
    machine.mounted.add(data)
    return {
        "node": "n2",
        "stage": "emptied",
        "data": str(data),
        "mounted": True,
        "mode": "kraft",
        "modes": ["kraft", "zookeeper"],
        "owner_file": str(data / "OWNER.json"),
        "identity_file": str(data / "meta.properties"),
    }


def gone(machine: Machine, plan: Plan) -> Any:
    before = snapshot(machine.root)
    machine.load("identity", "emptied")["main"](plan)
    assert snapshot(machine.root) == before, "it only looks"
    return json.loads(machine.said[-1])


@pytest.mark.parametrize(
    ("owner", "identity", "is_gone"),
    [
        (None, False, True),
        ({"formatted": ["kraft"]}, False, True),
        ({"formatted": [], "emptied": ["kraft", "zookeeper"]}, False, True),
        ({"formatted": [], "emptied": True}, False, True),
        ({"formatted": ["zookeeper"], "emptied": ["kraft"]}, False, True),
        ({"formatted": ["zookeeper"], "emptied": []}, False, False),
        ({"formatted": ["kraft"]}, True, False),
        ({"formatted": ["zookeeper"]}, False, False),
        ({"formatted": []}, False, False),
    ],
    ids=[
        "a new disk",
        "files deleted",
        "cut off before the format",
        "cut off before the format by an earlier version",
        "made anew in the other mode",
        "made anew in the other mode, and in this one before",
        "all there",
        "never in this mode",
        "a new node",
    ],
)
def test_what_is_gone(machine: Machine, look: Plan, owner: Any, identity: bool, is_gone: bool) -> None:
    if owner:
        write_json(Path(look["owner_file"]), owner)
    if identity:
        Path(look["identity_file"]).touch()
    assert gone(machine, look) is is_gone


def test_a_volume_that_can_not_be_looked_into_counts_as_empty(machine: Machine, look: Plan) -> None:
    Path(look["identity_file"]).touch()
    assert gone(machine, look) is False
    machine.mounted.clear()
    assert gone(machine, look) is True, "what lies below the mount point is not the node's data"


def held_plan(machine: Machine, mode: Mode) -> Plan:
    """The plan of looking whether a node of a planned cluster has data, led to the machine of these tests."""
    planned = cluster(3, mode)
    plan = stages.held(planned, planned.nodes[0], mounted=True)
    places = {key: str(machine.path(plan[key])) for key in ("data", "owner_file", "identity_file")}
    made = {str(machine.path(folder)): names for folder, names in plan["made"].items()}
    machine.mounted.add(Path(places["data"]))
    return {**plan, **places, "made": made}


# What Kafka's own format leaves, and what stage `formatted` does in ZooKeeper mode.
FORMATTED = {
    Mode.KRAFT: ("logs/kraft-combined-logs/meta.properties", "logs/kraft-combined-logs/bootstrap.checkpoint"),
    Mode.ZOOKEEPER: ("zookeeper/myid",),
}


def below_home(machine: Machine, name: str) -> Path:
    return machine.path(f"{KRAFT.paths.home}/{name}")


def was_formatted(machine: Machine, plan: Plan) -> None:
    """A node has its identity in the mode, and was not started in it since."""
    for path in (below_home(machine, name) for name in FORMATTED[plan["mode"]]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_json(Path(plan["owner_file"]), {"formatted": [plan["mode"]], "emptied": []})


@pytest.mark.parametrize("mode", Mode)
def test_who_has_data_in_the_mode(machine: Machine, mode: Mode) -> None:
    plan = held_plan(machine, mode)
    machine.mounted.clear()
    assert held(machine, plan), "a volume that can't be looked into may hold anything"
    machine.mounted.add(Path(plan["data"]))
    assert not held(machine, plan)
    owner = Path(plan["owner_file"])
    write_json(owner, {"formatted": [mode.other], "emptied": [mode]})
    assert not held(machine, plan), "what was lost with the disk can't be harmed any more"
    write_json(owner, {"formatted": [mode]})
    assert held(machine, plan), "data that is missing may still be found"


@pytest.mark.parametrize("mode", Mode)
def test_what_was_formatted_and_never_started_holds_nothing(machine: Machine, mode: Mode) -> None:
    plan = held_plan(machine, mode)
    was_formatted(machine, plan)
    assert not held(machine, plan), "a first switch that was cut off behind a lost disk could never be ended"
    Path(plan["identity_file"]).unlink()
    assert held(machine, plan), "an identity that is gone is no new disk"


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (Mode.KRAFT, "logs/kraft-combined-logs/__cluster_metadata-0"),
        (Mode.KRAFT, "logs/kraft-combined-logs/orders-0"),
        (Mode.KRAFT, "logs/kraft-combined-logs/.lock"),
        (Mode.ZOOKEEPER, "zookeeper/version-2"),
        (Mode.ZOOKEEPER, "logs/zookeeper-mode-logs/meta.properties"),
        (Mode.ZOOKEEPER, "logs/zookeeper-mode-logs/orders-0"),
    ],
)
@pytest.mark.parametrize("formatted", [True, False])
def test_whatever_a_process_left_counts(machine: Machine, mode: Mode, name: str, formatted: bool) -> None:
    plan = held_plan(machine, mode)
    if formatted:
        was_formatted(machine, plan)
    below_home(machine, name).mkdir(parents=True)
    assert held(machine, plan), "a node that was started once may have voted, or taken records"


def held(machine: Machine, plan: Plan) -> Any:
    machine.load("held")["main"](plan)
    return json.loads(machine.said[-1])


# -- asking ----------------------------------------------------------------------------------------------------


class Asked:
    """A machine that says whether its data is gone, others that say whether they have any, and a cluster that looks
    like this."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        is_gone: bool,
        sample: Sample,
        others: tuple[bool | Exception, ...] = (True, True),
    ) -> None:
        self.samples = 0
        held = dict(zip(OTHERS, others, strict=True))

        class Opened:
            def __init__(self, access: Access) -> None:
                self.access = access

            async def __aenter__(self) -> Reached:
                return Reached(self.access, None)  # type: ignore[arg-type]

            async def __aexit__(self, *_: object) -> None:
                return None

        async def ask(machine: Reached, parts: tuple[str, ...], _: object) -> bool:
            if parts == ("identity", "emptied"):
                return is_gone
            answer = held[machine.access.name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def seen(_: KafkaView) -> Sample:
            self.samples += 1
            return sample

        monkeypatch.setattr(asking, "connect", lambda access, *_: Opened(access))
        monkeypatch.setattr(Reached, "ask", ask)
        monkeypatch.setattr(KafkaView, "sample", seen)
        monkeypatch.setattr(asking, "_SECONDS", 0)
        monkeypatch.setattr(asking, "_CALM_SECONDS", 0)


OTHERS = ("n1", "n3")
ACCESS = Access(name="n2", address="172.25.254.132", user="admin", host_key="h", private_key="k")
BESIDE = tuple(Other(access=ACCESS.model_copy(update={"name": name}), look={}) for name in OTHERS)


def check(planned: Cluster) -> None:
    wanted = Emptied(
        mode=planned.mode,
        version=planned.version,
        nodes=seats(planned),
        access=ACCESS,
        look={},
        others=BESIDE,
        asked="now",
    )
    asyncio.run(asking.check(wanted))


def test_a_cluster_is_not_asked_while_the_data_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, is_gone=False, sample=UNSAFE["nobody answers"][1])
    check(KRAFT)
    assert not asked.samples, (
        "the key that is left in the configuration would make an `up` fail that mends another node"
    )


def test_a_lone_node_has_nobody_to_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(monkeypatch, is_gone=True, sample=UNSAFE["nobody answers"][1])
    lone = replace(KRAFT, nodes=(SECOND,))
    check(lone)
    assert not asked.samples
    assert "all records are lost" in capsys.readouterr().out


def test_a_danger_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    Asked(monkeypatch, is_gone=True, sample=UNSAFE["a voter is behind"][1])
    with pytest.raises(asking.NotSafe) as caught:
        check(KRAFT)
    told = str(caught.value)
    assert told.startswith("n2: stage 'emptied': its data is gone: ")
    assert "voter 3 (n3): 7 records behind. Nothing was changed. Bring the others back first" in told
    assert told.endswith("pulumi config rm acceptEmptyDisk")


def test_a_mode_that_no_other_node_has_data_in_begins_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(monkeypatch, is_gone=True, sample=UNSAFE["nobody answers"][1], others=(False, False))
    check(ZOOKEEPER)
    assert not asked.samples, "a first switch behind a lost disk could never be"
    assert "no other node has data in zookeeper mode" in capsys.readouterr().out


@pytest.mark.parametrize("others", [(True, False), (False, True), (True, Unreachable("n3: no ssh"))])
def test_one_other_node_with_data_in_the_mode_is_enough_to_be_asked(
    monkeypatch: pytest.MonkeyPatch, others: tuple[bool | Exception, ...]
) -> None:
    Asked(monkeypatch, is_gone=True, sample=UNSAFE["nobody answers"][1], others=others)
    with pytest.raises(asking.NotSafe, match="no broker listens"):
        check(ZOOKEEPER)


def test_a_node_that_can_not_be_asked_may_have_data(monkeypatch: pytest.MonkeyPatch) -> None:
    Asked(
        monkeypatch,
        is_gone=True,
        sample=SAFE["the others vote and are caught up"][1],
        others=(False, StageFailed("n3: down")),
    )
    with pytest.raises(asking.NotSafe, match="stage 'emptied': n3: down"):
        check(KRAFT)


def test_a_defect_while_asking_is_none_of_a_nodes_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    Asked(monkeypatch, is_gone=True, sample=UNSAFE["nobody answers"][1], others=(True, KeyError("mode")))
    with pytest.raises(KeyError):
        check(ZOOKEEPER)


def test_one_look_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, is_gone=True, sample=SAFE["it was the only replica"][1])
    monkeypatch.setattr(asking, "_SECONDS", 5)
    monkeypatch.setattr(asking, "_CALM_SECONDS", 0.5)
    check(KRAFT)
    assert asked.samples > 1, "a voter that was stopped just now is not silent for long enough to be missed"


def test_what_is_lost_all_the_same_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Asked(monkeypatch, is_gone=True, sample=SAFE["it was the only replica"][1])
    check(KRAFT)
    assert "records that no other node has are lost with its disk: t-0" in capsys.readouterr().out
