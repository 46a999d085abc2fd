"""Each thing that keeps a machine from carrying a node is told with what was found and what was expected."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import fitness
from model.fitness import DATA_LABEL, Account, Identity, Listener, Needs
from model.kafka_keys import Mode

from . import samples
from .samples import ROOT

MINE = {"stack": "kafka-cluster/dev", "node_id": 1}
ADDRESS = "172.25.254.131"


def needs(mode: Mode = Mode.KRAFT, *, heap: str = "1G", device: str = "") -> Needs:
    cluster = samples.cluster(3, mode)
    return fitness.needs(cluster, cluster.nodes[0], stack="kafka-cluster/dev", heap=heap, device=device)


def account(**changes: Any) -> Account:
    """A machine that nothing is wrong with."""
    fine: dict[str, Any] = {
        "system": "debian 12",
        "system_name": "Debian GNU/Linux 12 (bookworm)",
        "memory_mib": 4096,
        "free_mib": {"home": 4096, "data": 4096},
        "addresses": ["127.0.0.1", ADDRESS],
        "listeners": [],
        "device": None,
        "claim": None,
        "owner": None,
        "present": [],
        "units": {},
        "java": {"version": 'openjdk version "17.0.13" 2024-10-15', "source": False},
    }
    return Account.model_validate({**fine, **changes})


def listener(address: str = ADDRESS, port: int = 9092, process: str = "java (pid 7)", unit: str = "") -> dict[str, Any]:
    return {"address": address, "port": port, "process": process, "unit": unit}


def disk(**changes: Any) -> dict[str, Any]:
    return {"size_mib": 4096, "content": "", "mounted_at": [], **changes}


def only(lines: list[str]) -> str:
    (line,) = lines
    return line


def test_a_fine_machine_is_fit() -> None:
    assert fitness.refusals(needs(), account()) == []
    assert fitness.refusals(needs(Mode.ZOOKEEPER), account()) == []


def test_every_line_names_the_node() -> None:
    lines = fitness.refusals(needs(), account(system="debian 11", memory_mib=1, addresses=["10.0.0.1"]))
    assert len(lines) == 3
    assert all(line.startswith("n1: found ") and "expected" in line for line in lines)


def test_another_system_is_refused_by_its_own_name() -> None:
    line = only(fitness.refusals(needs(), account(system="ubuntu 24.04", system_name="Ubuntu 24.04.1 LTS")))
    assert line == "n1: found Ubuntu 24.04.1 LTS, expected Debian 12"


def test_memory_has_to_hold_every_heap_and_the_system() -> None:
    assert fitness.refusals(needs(), account(memory_mib=1280)) == []
    assert "found 1279 MiB of memory, expected at least 1280" in only(
        fitness.refusals(needs(), account(memory_mib=1279))
    )
    line = only(fitness.refusals(needs(Mode.ZOOKEEPER), account(memory_mib=1535)))
    assert "at least 1536 for a heap of 1G and 256M" in line


@pytest.mark.parametrize(
    ("version", "found"), [("", "no Java"), ('openjdk version "11.0.2"', 'openjdk version "11.0.2"')]
)
def test_java_has_to_be_there_or_to_be_had(version: str, found: str) -> None:
    line = only(fitness.refusals(needs(), account(java={"version": version, "source": False})))
    assert line.startswith(f"n1: found {found} and no package source with openjdk-17-jre-headless, expected Java 17")
    assert fitness.refusals(needs(), account(java={"version": version, "source": True})) == []
    assert fitness.refusals(needs(), account(java=None)) == [], "what watches a cluster needs none"


def test_too_little_space_is_refused_on_a_new_machine_only() -> None:
    full = {"home": 511, "data": 1023}
    lines = fitness.refusals(needs(), account(free_mib=full))
    assert ["511 MiB free in /usr/local" in lines[0], "1023 MiB free for data" in lines[1]] == [True, True]
    # A node whose disk runs full needs the `up` that lowers its retention.
    assert fitness.refusals(needs(), account(free_mib=full, claim=MINE, owner=MINE)) == []


def test_free_space_of_the_root_says_nothing_about_a_data_disk() -> None:
    found = account(free_mib={"home": 4096, "data": 0}, device=disk())
    assert fitness.refusals(needs(device="/dev/vdb"), found) == []


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (None, "found no device /dev/vdb"),
        (disk(size_mib=1023), "found 1023 MiB on /dev/vdb, expected at least 1024"),
        (disk(content="gpt"), "found gpt on /dev/vdb, expected an empty disk"),
        (disk(content="xfs", mounted_at=["/srv"]), "found /dev/vdb mounted at /srv"),
    ],
)
def test_a_data_disk_that_cannot_be_used_is_refused(device: dict[str, Any] | None, words: str) -> None:
    assert words in only(fitness.refusals(needs(device="/dev/vdb"), account(device=device)))


@pytest.mark.parametrize("device", [disk(), disk(content="ext4"), disk(content="xfs", mounted_at=["/var/lib/kafka"])])
def test_a_data_disk_that_is_empty_or_ours_is_fine(device: dict[str, Any]) -> None:
    assert fitness.refusals(needs(device="/dev/vdb"), account(device=device)) == []


def test_an_address_that_is_not_the_machines_is_refused() -> None:
    line = only(fitness.refusals(needs(), account(addresses=["127.0.0.1", "10.0.0.9"])))
    assert f"found the addresses 127.0.0.1, 10.0.0.9, expected {ADDRESS} among them" in line


@pytest.mark.parametrize("address", ["0.0.0.0", "*", "[::]", ADDRESS, f"[::ffff:{ADDRESS}]"])
def test_a_taken_port_is_refused_with_its_taker(address: str) -> None:
    line = only(fitness.refusals(needs(), account(listeners=[listener(address, unit="old-kafka.service")])))
    assert line == "n1: found port 9092 taken by java (pid 7) of old-kafka.service, expected it free"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53%lo", "10.0.0.9", "[::1]"])
def test_a_port_of_another_address_is_free(address: str) -> None:
    assert fitness.refusals(needs(), account(listeners=[listener(address)])) == []


def test_only_the_ports_of_the_mode_have_to_be_free() -> None:
    found = account(listeners=[listener(port=9093), listener(port=2181)])
    assert "port 9093" in only(fitness.refusals(needs(Mode.KRAFT), found))
    assert "port 2181" in only(fitness.refusals(needs(Mode.ZOOKEEPER), found))


def test_our_own_services_may_hold_their_ports() -> None:
    taken = [listener(unit="kafka.service")]
    assert fitness.refusals(needs(), account(listeners=taken, claim=MINE)) == []
    assert "taken by" in only(fitness.refusals(needs(), account(listeners=taken)))


def test_a_port_that_the_kernel_holds_has_no_process() -> None:
    assert "taken by an unknown process" in only(fitness.refusals(needs(), account(listeners=[listener(process="")])))


@pytest.mark.parametrize("part", ["claim", "owner"])
@pytest.mark.parametrize("other", [{**MINE, "node_id": 2}, {**MINE, "stack": "kafka-cluster/prod"}])
def test_what_belongs_to_another_node_is_refused_with_both(part: str, other: dict[str, Any]) -> None:
    line = only(fitness.refusals(needs(), account(**{part: other})))
    assert f"belongs to node {other['node_id']} of stack {other['stack']}" in line
    assert "expected node 1 of stack kafka-cluster/dev" in line


def test_a_kafka_that_somebody_else_put_there_is_refused() -> None:
    home = "/usr/local/kafka_2.13-3.6.0"
    assert f"found {home}, which this package did not put there" in only(
        fitness.refusals(needs(), account(present=[home]))
    )
    assert fitness.refusals(needs(), account(present=[home], claim=MINE)) == []


@pytest.mark.parametrize("unit", ["kafka.service", "zookeeper.service", "kafka-node-exporter.service"])
def test_a_unit_of_our_name_that_somebody_else_put_there_is_refused(unit: str) -> None:
    file = f"/lib/systemd/system/{unit}"
    line = only(fitness.refusals(needs(), account(units={unit: file})))
    assert line.startswith(f"n1: found {unit} ({file}), which this package did not put there, expected no unit")
    assert fitness.refusals(needs(), account(units={unit: file}, claim=MINE)) == []


def test_a_unit_in_our_own_place_is_told_once() -> None:
    file = "/etc/systemd/system/kafka.service"
    assert file in only(fitness.refusals(needs(), account(units={"kafka.service": file}, present=[file])))


@given(st.floats(-5, 5), st.floats(0, 3))
def test_a_clock_is_off_only_where_the_time_of_asking_does_not_explain_it(offset: float, took: float) -> None:
    before, after = 1000.0, 1000.0 + took
    fault = fitness.clock_fault(before, before + took / 2 + offset, after)
    off_at_least = max(0.0, abs(offset) - took / 2)
    if abs(off_at_least - 1.0) > 1e-6:
        assert (fault is None) == (off_at_least < 1.0)


def test_a_wrong_clock_is_told_with_its_direction() -> None:
    assert "5.0 s ahead of this computer's, expected at most 1 s" in str(fitness.clock_fault(0.0, 5.1, 0.1))
    assert "5.0 s behind this computer's" in str(fitness.clock_fault(10.0, 5.0, 10.1))


def test_one_machine_twice_is_refused() -> None:
    same = Identity("m", "b")
    lines = fitness.same_machines({"n1": same, "n2": Identity("o", "c"), "n3": same}, Identity("x", "y"))
    assert lines == ["n1 and n3: found the same machine (m), expected two"]


def test_copies_and_containers_are_machines_of_their_own() -> None:
    found = {"n1": Identity("copied", "1"), "n2": Identity("copied", "2"), "n3": Identity("other", "2")}
    assert fitness.same_machines(found, Identity("x", "2")) == []


def test_this_computer_is_refused() -> None:
    here = Identity("m", "b")
    assert fitness.same_machines({"n1": here}, here) == [
        "n1: found the computer that runs Pulumi, expected another machine"
    ]


@given(st.sampled_from(["", "lo"]), st.integers(1, 65535))
def test_a_listener_takes_its_own_port_only(scope: str, port: int) -> None:
    bound = f"{ADDRESS}%{scope}" if scope else ADDRESS
    taken = Listener(address=bound, port=port, process="", unit="")
    assert taken.takes(ADDRESS, port)
    assert not taken.takes(ADDRESS, port % 65535 + 1)


EMPTY, KEPT, FOREIGN = disk(), disk(content="xfs", label=DATA_LABEL), disk(content="ext4")
FRESH = disk(content="ext4", mounted_at=["/var/lib/kafka"])


def machines(device: str, accounts: dict[str, Account]) -> list[tuple[Needs, Account]]:
    """Machines by their nodes' names, each with what it says of itself."""
    return [(needs(device=device).model_copy(update={"name": name}), found) for name, found in accounts.items()]


def with_disks(device: str, disks: dict[str, Any]) -> list[tuple[Needs, Account]]:
    """Machines that nobody took, and that differ in their disks only."""
    return machines(device, {name: account(device=found) for name, found in disks.items()})


@pytest.mark.parametrize(
    ("device", "disks", "faulty"),
    [
        ("/dev/vdb", {"n1": EMPTY, "n2": EMPTY}, []),
        ("/dev/vdb", {"n1": FOREIGN, "n2": disk(content="xfs")}, []),
        ("/dev/vdb", {"n1": FRESH, "n2": EMPTY}, []),
        ("/dev/vdb", {"n1": KEPT, "n2": KEPT}, []),
        ("/dev/vdb", {"n1": KEPT, "n2": EMPTY, "n3": EMPTY}, ["n2", "n3"]),
        ("/dev/vdb", {"n1": FOREIGN, "n2": EMPTY, "n3": FOREIGN}, ["n2"]),
        ("/dev/vdb", {"n1": KEPT, "n2": FOREIGN}, []),
        ("/dev/vdb", {"n1": KEPT, "n2": FRESH}, ["n2"]),
        ("/dev/vdb", {"n1": KEPT, "n2": None}, []),
        ("/dev/vdb", {"n1": disk(content="gpt"), "n2": EMPTY}, []),
        ("", {"n1": KEPT, "n2": EMPTY}, []),
    ],
    ids=[
        "a new cluster",
        "a new one on file systems that somebody made",
        "a file system that one sees to be empty",
        "one that comes back",
        "one with losses",
        "what may be one that comes back",
        "one whose user made a file system",
        "one that lost what its user mounts",
        "a disk that is not there, which is told already",
        "a disk that is refused anyway",
        "none of Kafka's",
    ],
)
def test_an_empty_disk_where_others_kept_theirs_is_a_loss(
    device: str, disks: dict[str, Any], faulty: list[str]
) -> None:
    told = fitness.empty_beside_kept(with_disks(device, disks), "")
    assert [line.partition(":")[0] for line in told] == faulty
    assert all(f"pulumi config set acceptEmptyDisk {name}." in line for name, line in zip(faulty, told, strict=True))
    accepted = fitness.empty_beside_kept(with_disks(device, disks), "n2")
    assert len(accepted) == len([name for name in faulty if name != "n2"])


def test_what_nobody_looked_into_is_told_apart_from_known_data() -> None:
    line = only(fitness.empty_beside_kept(with_disks("/dev/vdb", {"n1": KEPT, "n2": FOREIGN, "n3": EMPTY}), ""))
    assert (
        "n3: found an empty disk, and a cluster's data on n1, and a file system that is not mounted and may hold a"
        " cluster's data on n2; expected that node's data, too"
    ) in line
    assert "the others discard theirs to follow it" in line, "who allows it should know what goes with it"


@pytest.mark.parametrize("device", ["", "/dev/vdb"], ids=["on the root disk", "on a disk of its own"])
def test_a_blank_machine_beside_those_of_a_running_cluster_is_a_loss(device: str) -> None:
    taken = account(claim=MINE, owner=MINE, device=FRESH if device else None)
    seen = machines(device, {"n1": taken, "n2": account(device=EMPTY if device else None), "n3": taken})
    line = only(fitness.empty_beside_kept(seen, ""))
    assert line.startswith("n2: found an empty disk, and a cluster's data on n1, n3"), (
        "a reinstalled machine whose state is lost, or a destroy that was cut off, would begin as an empty voter"
    )
    assert fitness.empty_beside_kept(seen, "n2") == []


def test_a_claimed_machine_whose_volume_is_not_mounted_counts_as_kept() -> None:
    seen = machines("/dev/vdb", {"n1": account(claim=MINE, device=FOREIGN), "n2": account(device=EMPTY)})
    assert "may hold a cluster's data on n1" in only(fitness.empty_beside_kept(seen, ""))


@pytest.mark.parametrize("device", ["", "/dev/vdb"])
def test_machines_that_are_taken_already_are_judged_by_their_stages(device: str) -> None:
    blank = account(claim=MINE, device=EMPTY if device else None)
    seen = machines(device, {"n1": account(claim=MINE, owner=MINE), "n2": blank})
    assert fitness.empty_beside_kept(seen, "") == [], "a first `up` that was cut off has formatted some of them"
    seen = machines(device, {"n1": blank, "n2": account(device=EMPTY if device else None)})
    assert fitness.empty_beside_kept(seen, "") == [], "a first `up` that was cut off has taken some of them"


LUN, NUMBER = "0x600a098038303053", "WD-WCC4N0123456"


def same_disks(one: dict[str, Any], other: dict[str, Any], **both: Any) -> list[str]:
    found = {"n1": account(device=disk(**one), **both), "n2": account(device=disk(**other), **both)}
    return fitness.same_disks(machines("/dev/disk/by-id/x", found))


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        ({"wwn": LUN}, {"wwn": LUN}, f"WWN {LUN}"),
        ({"wwn": LUN, "serial": "1"}, {"wwn": LUN, "serial": "2"}, f"WWN {LUN}"),
        ({"wwn": LUN, "partition": "1"}, {"wwn": LUN, "partition": "1"}, f"WWN {LUN}"),
        ({"serial": NUMBER}, {"serial": NUMBER}, f"serial {NUMBER}"),
        ({"wwn": "nvme.1d0f-766f6c", "serial": "vol0"}, {"wwn": "nvme.1d0f-766f6c", "serial": "vol0"}, "serial vol0"),
    ],
)
def test_one_disk_for_two_nodes_is_refused(one: dict[str, Any], other: dict[str, Any], number: str) -> None:
    line = only(same_disks(one, other))
    assert line.startswith(f"n1 and n2: found the same disk ({number}) as /dev/disk/by-id/x and /dev/disk/by-id/x,"), (
        "both would make a file system on it, one over the other"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"wwn": LUN}, {"wwn": LUN[:-1]}),
        ({"wwn": LUN, "serial": NUMBER}, {"wwn": LUN[:-1], "serial": NUMBER}),
        ({"wwn": LUN, "serial": NUMBER}, {"serial": NUMBER}),
        ({"wwn": LUN, "partition": "1"}, {"wwn": LUN, "partition": "2"}),
        ({"serial": NUMBER}, {"serial": "other"}),
        *(({"wwn": empty}, {"wwn": empty}) for empty in ("0x0000000000000000", "0x5000000000000000")),
        *(
            ({"serial": made_up}, {"serial": made_up})
            for made_up in ("QM00003", "drive-scsi1", "persistent-disk-1", "0000")
        ),
        ({"wwn": "nvme.1ae0-6e76", "serial": "nvme_card-pd"}, {"wwn": "nvme.1ae0-6e76", "serial": "nvme_card-pd"}),
    ],
)
def test_disks_that_nothing_says_to_be_one_are_two(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert same_disks(one, other) == []


def test_a_serial_says_nothing_of_disks_that_hold_a_nodes_data_each() -> None:
    taken = {"claim": MINE, "owner": MINE}
    assert same_disks({"serial": NUMBER}, {"serial": NUMBER}, **taken) == [], "a cluster runs on them"
    assert same_disks({"wwn": LUN}, {"wwn": LUN}, **taken), (
        "it may be mounted on both, and each spoils it for the other"
    )


def test_a_machine_without_a_data_device_shares_no_disk() -> None:
    assert fitness.same_disks(machines("", {"n1": account(), "n2": account(device=disk(wwn=LUN))})) == []


def test_the_label_is_what_is_written() -> None:
    assert f'"-L", "{DATA_LABEL}"' in (ROOT / "files/stages/formatted.py").read_text(encoding="utf-8")
