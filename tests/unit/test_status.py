"""The verdict over a whole cluster, the document for programs, and the page for a person."""

import asyncio
import json
import re
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from computer import places, telling
from model import status, vitals
from model.handover import Access, Handover, NodeFacts
from model.health import Ensemble, Member, Partition, Quorum, Sample
from model.kafka_keys import Mode
from model.listeners import CLIENTS
from model.numbers import LogSearch
from model.status import Status, Verdict
from model.vitals import NodeStatus
from operations import status as asking
from operations import status_page
from operations.wait import with_progress
from operations.ways import DIRECT

from .samples import cluster
from .test_vitals import EXACT, NOW, account

MOMENT = datetime.fromtimestamp(NOW + 600, UTC)
PARTS = (Partition("t", 0, 1, (1, 2, 3), (1, 2, 3), 2),)
VOTERS = {1: Member(0), 2: Member(0, 300), 3: Member(0, 400)}
SAMPLE = Sample(frozenset({1, 2, 3}), 1, PARTS, Quorum(1, VOTERS, {}, 7))
SILENT = Sample(frozenset(), -1, (), faults=("no broker answers in time",))
MEMBERS = Ensemble({1: "follower", 2: "leader", 3: "follower"}, {1: 0x300000002, 2: 0x300000005, 3: 0x300000005})


def handover(mode: Mode = Mode.KRAFT) -> Handover:
    def facts(name: str, id: int, address: str, roles: Any) -> NodeFacts:
        access = Access(name=name, address=address, user="admin", host_key="", private_key="")
        return NodeFacts(name=name, id=id, address=address, roles=roles, fingerprint="f1", access=access)

    nodes = tuple(facts(node.name, node.id, node.address, node.roles) for node in cluster(3, mode).nodes)
    return Handover(mode=mode, version="3.6.0", cluster_id="A_D5kj5zTbi2EDTeXHDH3g", nodes=nodes)


def nodes(mode: Mode = Mode.KRAFT) -> list[NodeStatus]:
    told = handover(mode)
    return [vitals.status(facts, ("kafka.service",), account(), EXACT) for facts in told.nodes]


def logs() -> dict[str, LogSearch | None]:
    return {node.name: LogSearch((), "2026-01-02 03:04:05") for node in handover().nodes}


def judged(*samples: Sample, those: list[NodeStatus] | None = None, mode: Mode = Mode.KRAFT) -> Status:
    asked = nodes(mode) if those is None else those
    found = {node.name: log if not node.why_not else None for node, log in zip(asked, logs().values(), strict=True)}
    return status.judge(handover(mode), "dev", samples or (SAMPLE,) * 3, asked, found)


def silent() -> list[NodeStatus]:
    return [vitals.unasked(facts, "no answer within 1.4 s") for facts in handover().nodes]


def test_a_healthy_cluster() -> None:
    found = judged()
    assert (found.verdict, found.missing, found.warnings) == (Verdict.HEALTHY, (), ())
    assert found.verdict.value == 0, "the exit status"


def test_a_node_that_is_away_is_a_cluster_that_is_not_healthy() -> None:
    away = Sample(frozenset({1, 2}), 1, (replace(PARTS[0], isr=(1, 2)),), SAMPLE.quorum)
    found = judged(away, away, SILENT, those=[*nodes()[:2], silent()[2]])
    assert found.verdict is Verdict.UNHEALTHY
    assert found.verdict.value == 1
    assert "broker 3 not registered" in found.missing
    assert "n3 can't be asked: no answer within 1.4 s" in found.missing
    assert found.numbers.brokers_online == 2
    assert found.numbers.unclean_elections.count is None, "the log that is missing may hold one"


def test_a_broker_that_started_on_a_full_disk_is_told_before_it_fails() -> None:
    blind = [replace(node, blind=node.id == 2) for node in nodes()]
    assert judged(those=blind).missing == ("broker 2 started on a full disk, and does not see it fail any more",)


def test_a_broker_that_the_others_count_and_that_does_not_answer_is_told() -> None:
    found = judged(SAMPLE, SILENT, SAMPLE)
    assert found.missing == ("broker 2 registered, but not answering",), "its clients wait for it in vain"
    assert found.verdict is Verdict.UNHEALTHY
    found = judged(SILENT, SAMPLE, SILENT)
    assert found.missing == ("broker 1, 3 registered, but not answering",)


def test_a_broker_whose_port_is_closed_is_told_as_that() -> None:
    closed = replace(SILENT, faults=("no broker listens",), not_listening=frozenset({2}))
    assert judged(SAMPLE, closed, SAMPLE).missing == ("broker 2 registered, but not listening",)


def test_a_broker_is_asked_itself() -> None:
    """One takes connections and says nothing, as one whose process was stopped; the other takes none."""
    first, second, _ = handover().nodes
    asked = handover().model_copy(update={"nodes": (at("127.77.0.1", first), at("127.77.0.2", second))})
    with socket.create_server((asked.nodes[0].address, CLIENTS.port)):
        hangs, closed = asyncio.run(asking.samples(asked, DIRECT, 1.4))
    assert hangs.faults
    assert not hangs.not_listening, "its port is open"
    assert closed.faults == ("no broker listens",)
    assert closed.not_listening == {2}


def at(address: str, facts: NodeFacts) -> NodeFacts:
    return facts.model_copy(update={"address": address})


def test_why_a_broker_does_not_answer_is_not_told_twice() -> None:
    first, second, third = nodes()
    down = [first, replace(second, units={"kafka.service": "inactive"}), third]
    assert judged(SAMPLE, SILENT, SAMPLE, those=down).missing == ("n2: kafka.service is inactive",)
    gone = [first, silent()[1], third]
    assert judged(SAMPLE, SILENT, SAMPLE, those=gone).missing == ("n2 can't be asked: no answer within 1.4 s",)
    away = replace(SAMPLE, brokers=frozenset({1, 3}))
    assert judged(away, SILENT, away).missing == ("broker 2 not registered",)
    assert judged(SILENT, SILENT, SILENT).missing == SILENT.faults, "no one is left who counts them"


def test_a_machine_that_says_that_its_service_is_down_is_an_answer() -> None:
    down = [replace(node, units={"kafka.service": "inactive"}) for node in nodes()]
    assert judged(SILENT, SILENT, SILENT, those=down).verdict is Verdict.UNHEALTHY


def test_when_nobody_answers_nobody_can_tell() -> None:
    found = judged(SILENT, SILENT, SILENT, those=silent())
    assert found.verdict is Verdict.UNKNOWN
    assert found.verdict.value == 2


def test_a_broker_that_is_cut_off_and_believes_that_all_is_well_does_not_have_the_word() -> None:
    stale = replace(SAMPLE, quorum=Quorum(3, VOTERS, {}, 6), controller=3)
    real = Sample(frozenset({1, 2}), 1, (replace(PARTS[0], isr=(1, 2)),), SAMPLE.quorum)
    found = judged(real, real, stale)
    assert found.numbers.brokers_online == 2
    assert found.numbers.active_controllers == 2
    assert "2 active controllers, and not 1" in found.missing
    assert status.best([stale, real]) == status.best([real, stale]) == real


def test_a_quorum_without_a_leader_is_no_controller() -> None:
    found = judged(*[replace(SAMPLE, quorum=None, controller=-1)] * 3)
    assert found.numbers.active_controllers == 0
    assert {"no answer about the quorum", "0 active controllers, and not 1"} <= set(found.missing)


def test_a_topic_that_can_never_be_written_to_is_named_and_holds_up_nobody() -> None:
    lone = Partition("lone", 0, 1, (1,), (1,), 2)
    found = judged(*[replace(SAMPLE, partitions=(*PARTS, lone))] * 3)
    assert found.numbers.under_min_isr_partitions == 1
    assert found.warnings == ("fewer replicas than min.insync.replicas, so acks=all is refused: topic lone",)
    assert found.verdict is Verdict.HEALTHY, "waiting would change nothing"
    shrunk = judged(*[replace(SAMPLE, partitions=(replace(PARTS[0], isr=(1,)),))] * 3)
    assert (shrunk.verdict, shrunk.warnings) == (Verdict.UNHEALTHY, ()), "it comes back with its brokers"


def test_members_of_the_ensemble_are_measured_by_the_newest_transaction() -> None:
    assert status.ensemble_epoch(MEMBERS) == 3
    assert [member.behind for member in status.ensemble_members(MEMBERS)] == [3, 0, 0]
    silent = Ensemble({1: "no answer (timed out)"})
    assert status.ensemble_epoch(silent) is None
    assert status.ensemble_members(silent)[0].behind is None


# -- the document ----------------------------------------------------------------------------------------------


def keys(value: Any, prefix: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(keys(each, f"{prefix}[]") for each in value))
    if not isinstance(value, dict):
        return {prefix}
    if prefix.endswith("units"):
        return {prefix}
    return set().union(*(keys(each, f"{prefix}.{key}".lstrip(".")) for key, each in value.items()))


def documents() -> list[dict[str, Any]]:
    zookeeper = replace(SAMPLE, quorum=None, ensemble=MEMBERS)
    quorum = replace(SAMPLE, quorum=Quorum(1, VOTERS, {4: Member(0)}, 7), faults=())
    ill = judged(SILENT, SILENT, SILENT, those=silent())
    warned = replace(judged(*[quorum] * 3), warnings=("something",))
    found = [ill, warned, judged(*[zookeeper] * 3, mode=Mode.ZOOKEEPER)]
    return [status.document(each, "2026-01-02T03:04:05+00:00") for each in found]


def test_every_key_of_the_document_is_explained_and_no_other_one() -> None:
    page = (places.CHECKOUT / "docs" / "reference" / "status.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z_.\[\]]+)` \|", page, re.MULTILINE))
    said = set().union(*map(keys, documents())) - {"quorum", "ensemble", "nodes[].clock"}
    assert said == explained


def test_the_document_is_json() -> None:
    for each in documents():
        assert json.loads(json.dumps(each)) == each


def test_what_is_not_known_is_null() -> None:
    numbers = documents()[0]["numbers"]
    assert numbers["brokers_online"] is numbers["under_replicated_partitions"] is numbers["unclean_elections"] is None


# -- the page --------------------------------------------------------------------------------------------------


def test_the_page_opens_with_the_verdict_and_the_eight_numbers() -> None:
    page = status_page.text(judged(), MOMENT)
    assert page.splitlines()[0].startswith("dev: healthy; kraft cluster A_D5kj5zTbi2EDTeXHDH3g, ")
    numbers = page.split("\n\n")[1].splitlines()
    assert [re.split(r" {2,}", line.strip())[:2] for line in numbers] == [
        ["brokers online", "3 of 3"],
        ["active controllers", "1"],
        ["offline partitions", "0"],
        ["under-replicated partitions", "0"],
        ["under-min-ISR partitions", "0"],
        ["at-min-ISR partitions", "0"],
        ["online replicas", "3 of 3"],
        ["unclean elections", "0"],
    ]


def test_a_line_for_each_node() -> None:
    lines = status_page.text(judged(), MOMENT).split("\n\n")[-1].splitlines()
    assert len(lines) == 4
    for word in (
        "n1",
        "kafka active",
        "10 min",
        "its configuration changed",
        "current",
        "512 MiB",
        "(50 %)",
        "within 0.01 s",
    ):
        assert word in lines[1]


def test_what_nobody_could_be_asked_is_a_question_mark_and_no_number() -> None:
    page = status_page.text(judged(SILENT, SILENT, SILENT, those=silent()), MOMENT)
    assert "CAN'T TELL" in page
    assert re.search(r"brokers online +\? of 3\n", page)
    assert re.search(r"unclean elections +n/a +the service logs of n1, n2, n3 could not be read", page)
    assert "n1: can't be asked: no answer within 1.4 s" in page


@pytest.mark.parametrize(("sample", "word"), [(SAMPLE, "leader 1, epoch 7"), (SILENT, "nobody could be asked")])
def test_the_quorum(sample: Sample, word: str) -> None:
    assert word in status_page.text(judged(*[sample] * 3), MOMENT)


def test_the_ensemble() -> None:
    sample = replace(SAMPLE, quorum=None, ensemble=MEMBERS)
    page = status_page.text(judged(*[sample] * 3, mode=Mode.ZOOKEEPER), MOMENT)
    assert "ensemble: epoch 3" in page
    assert re.search(r"1 n1 +follower +3\n", page)


def test_a_page_over_another_one_leaves_nothing_of_it() -> None:
    assert status_page.over("a\nb") == "\x1b[Ha\x1b[K\nb\x1b[J"


def test_pages_that_follow_one_another_hold_nothing_but_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Status] = []

    async def look(*_: object, **__: object) -> Status:
        if seen:
            raise KeyboardInterrupt
        seen.append(judged())
        return await with_progress("n1 to answer", late(seen[0]), limit=9)

    async def late(found: Status) -> Status:
        await asyncio.sleep(0.1)
        return found

    monkeypatch.setattr(asking, "look", look)
    monkeypatch.setattr(telling, "FIRST_SECONDS", 0.01)
    with suppress(KeyboardInterrupt):
        asyncio.run(asking.show("dev", handover(), watch=0.01, as_json=True))
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "healthy"
    assert "waiting for n1 to answer" in said.err


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Status]:
    """What is seen one look after the other, the last of it for ever."""
    found: list[Status] = []

    async def look(*_: object, **__: object) -> Status:
        return found.pop(0) if len(found) > 1 else found[0]

    monkeypatch.setattr(asking, "look", look)
    return found


def with_service(state: str, *, boot_is_over: bool = True) -> Status:
    first, *others = nodes()
    units = {"kafka.service": state}
    return judged(SILENT, SILENT, SILENT, those=[replace(first, units=units, boot_is_over=boot_is_over), *others])


def shown(wait: float) -> int:
    return asyncio.run(asyncio.wait_for(asking.show("dev", handover(), wait=wait), 20))


def test_a_boot_is_waited_for_patiently(looks: list[Status]) -> None:
    booting = [judged(SILENT, SILENT, SILENT, those=silent()), with_service("inactive", boot_is_over=False)]
    looks += [*booting, with_service("activating"), judged()]
    assert shown(asking.PATIENTLY) == Verdict.HEALTHY


def test_a_service_that_is_being_restarted_is_waited_for(looks: list[Status]) -> None:
    looks += [with_service("inactive"), with_service("activating"), with_service("inactive"), judged()]
    assert shown(asking.PATIENTLY) == Verdict.HEALTHY


def test_nobody_waits_in_vain(looks: list[Status]) -> None:
    looks += [with_service("inactive")]
    assert shown(asking.PATIENTLY) == Verdict.UNHEALTHY, "nobody starts that service"


def test_whoever_says_how_long_waits_that_long(looks: list[Status]) -> None:
    looks += [*[with_service("inactive")] * 3, judged()]
    assert shown(5) == Verdict.HEALTHY, "somebody may be about to start it"
