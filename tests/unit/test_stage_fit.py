"""A machine's own account of what a node would find on it."""

import json
from typing import Any

import pytest

from model.fitness import Account

from .stage_machine import Machine, Plan, answer, snapshot

SS = """\
LISTEN 0 128   0.0.0.0:22   0.0.0.0:*  users:(("sshd",pid=7,fd=3))
LISTEN 0 50    [::ffff:10.0.0.1]:9092  *:*  users:(("java",pid=8,fd=9))
LISTEN 0 4096  127.0.0.53%lo:53  0.0.0.0:*
LISTEN 0 128   [::]:22   [::]:*
"""


@pytest.fixture
def plan(machine: Machine) -> Plan:
    """A machine that answers all questions."""
    machine.path("/etc/os-release").write_text('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n')
    machine.path("/proc/8").mkdir(parents=True)
    machine.path("/proc/meminfo").write_text("MemTotal:        2097152 kB\nMemFree: 1 kB\n")
    machine.path("/proc/8/cgroup").write_text("0::/system.slice/kafka.service\n")
    addresses = [{"addr_info": [{"local": "127.0.0.1"}]}, {"addr_info": [{"local": "10.0.0.1"}]}, {"addr_info": []}]
    machine.answer(("ip",), answer(json.dumps(addresses)))
    machine.answer(("ss",), answer(SS))
    machine.answer(("blockdev",), answer("2147483648\n"))
    machine.answer(("systemctl", "show"), answer("LoadState=not-found\nFragmentPath=\n"))
    return {
        "node": "n1",
        "stage": "fit",
        "places": {"home": str(machine.path("/usr/local/kafka/deep")), "data": str(machine.path("/var/lib/kafka"))},
        "device": "",
        "claim": str(machine.path("/etc/kafka-cluster/CLAIM.json")),
        "owner_file": str(machine.path("/var/lib/kafka/OWNER.json")),
        "java": "",
        "services": ["kafka.service", "zookeeper.service"],
        "ours": [str(machine.path("/usr/local/kafka")), str(machine.path("/etc/kafka-cluster"))],
    }


def account(machine: Machine, plan: Plan) -> dict[str, Any]:
    before = snapshot(machine.root)
    machine.load("java", "fit")["main"](plan)
    assert snapshot(machine.root) == before, "nothing is done on any machine before all were found fit"
    (line,) = machine.said
    found = json.loads(line)
    Account.model_validate(found)
    return found  # type: ignore[no-any-return]


def test_a_bare_machine(machine: Machine, plan: Plan) -> None:
    found = account(machine, plan)
    assert (found["system"], found["system_name"]) == ("debian 12", "Debian GNU/Linux 12")
    assert found["memory_mib"] == 2048
    assert found["addresses"] == ["127.0.0.1", "10.0.0.1"]
    assert all(free > 0 for free in found["free_mib"].values()), "of the next folder that is there"
    assert (found["claim"], found["owner"], found["present"], found["device"]) == (None, None, [], None)


def test_every_listener_is_told_with_what_holds_it(machine: Machine, plan: Plan) -> None:
    told = [
        (each["address"], each["port"], each["process"], each["unit"]) for each in account(machine, plan)["listeners"]
    ]
    assert told == [
        ("0.0.0.0", 22, "sshd (pid 7)", ""),  # ended before it could be asked
        ("[::ffff:10.0.0.1]", 9092, "java (pid 8)", "kafka.service"),
        ("127.0.0.53%lo", 53, "", ""),
        ("[::]", 22, "", ""),
    ]


def test_a_disk_is_told_with_its_size_and_content(machine: Machine, plan: Plan) -> None:
    disk = machine.path("/dev/sdb")
    disk.write_text("x")
    machine.answer(("blkid",), answer("LABEL=films\nTYPE=ntfs\n"))
    machine.answer(("findmnt",), answer("/mnt\n/srv\n"))
    found = account(machine, {**plan, "device": str(disk)})["device"]
    told = {"size_mib": 2048, "content": "ntfs", "label": "films", "mounted_at": ["/mnt", "/srv"]}
    assert found == {**told, "wwn": "", "serial": "", "partition": ""}


LUN = {"type": "disk", "wwn": "0x600a098038303053", "serial": " 80A1 "}


@pytest.mark.parametrize(
    ("told", "numbers"),
    [
        (LUN, ("0x600a098038303053", "80A1")),
        ({**LUN, "wwn": None}, ("", "80A1")),
        ({"type": "mpath", "wwn": None, "serial": None, "children": [LUN, LUN]}, ("0x600a098038303053", "80A1")),
        ({"type": "lvm", "wwn": None, "serial": None, "children": [LUN]}, ("", "")),
        ({"type": "loop", "wwn": None, "serial": None}, ("", "")),
    ],
    ids=["a disk", "without a WWN", "several paths to it", "a part of it", "a file"],
)
def test_a_disk_is_told_by_what_it_is_known_by_everywhere(
    machine: Machine, plan: Plan, told: dict[str, Any], numbers: tuple[str, str]
) -> None:
    disk = machine.path("/dev/sdb")
    disk.write_text("x")
    machine.answer(("blkid",), answer("DEVNAME=/dev/sdb1\nPART_ENTRY_NUMBER=2\n"))
    machine.answer(("lsblk",), answer(json.dumps({"blockdevices": [told]})))
    found = account(machine, {**plan, "device": str(disk)})["device"]
    assert (found["wwn"], found["serial"]) == numbers
    assert found["partition"] == "2", "two parts of one disk are two"


def test_a_disk_that_is_not_there(machine: Machine, plan: Plan) -> None:
    assert account(machine, {**plan, "device": str(machine.path("/dev/none"))})["device"] is None


def test_what_is_ours_or_looks_like_it_is_told(machine: Machine, plan: Plan) -> None:
    machine.path("/usr/local/kafka").symlink_to("/nowhere")
    machine.path("/etc/kafka-cluster").mkdir()
    machine.path("/etc/kafka-cluster/CLAIM.json").write_text('{"stack": "s", "node_id": 1}')
    found = account(machine, plan)
    assert found["present"] == plan["ours"], "a dead link is in the way, too"
    assert found["claim"] == {"stack": "s", "node_id": 1}


def test_a_unit_that_a_package_brought_is_told_with_its_file(machine: Machine, plan: Plan) -> None:
    assert account(machine, plan)["units"] == {}
    machine.said.clear()
    file = "/lib/systemd/system/zookeeper.service"

    def show(*command: str) -> Any:
        known = command[-1] == "zookeeper.service"
        return answer(f"LoadState={'loaded' if known else 'not-found'}\nFragmentPath={file if known else ''}\n")

    machine.answer(("systemctl", "show"), show)
    assert account(machine, plan)["units"] == {"zookeeper.service": file}


SOURCES = "'http://deb.debian.org/debian/dists/bookworm/InRelease' deb.debian.org_InRelease 0\n"
UNKNOWN = "java-17:\n  Installed: (none)\n  Candidate: (none)\n"


@pytest.mark.parametrize(
    ("policy", "lists", "sources", "may"),
    [
        ("java-17:\n  Installed: (none)\n  Candidate: 17.0.13\n", True, SOURCES, True),
        (UNKNOWN, True, SOURCES, False),
        ("", True, SOURCES, False),
        ("", False, SOURCES, True),
        ("", False, "", False),
    ],
    ids=["known", "not to be had", "not known", "never asked", "nobody to be asked"],
)
def test_whether_java_is_to_be_had(
    machine: Machine, plan: Plan, policy: str, lists: bool, sources: str, may: bool
) -> None:
    folder = machine.path("/var/lib/apt/lists")
    folder.mkdir(parents=True)
    (folder / ("a_main_binary-amd64_Packages" if lists else "lock")).touch()
    machine.answer(("apt-cache", "policy", "java-17"), answer(policy))
    machine.answer(("apt-get", "update", "--print-uris"), answer(sources))
    machine.monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/java")
    machine.answer(("java", "-version"), answer(stderr='openjdk version "11.0.2" 2019-01-15\nmore\n'))
    found = account(machine, {**plan, "java": "java-17"})["java"]
    assert found == {"version": 'openjdk version "11.0.2" 2019-01-15', "source": may}


def test_another_system_gives_its_account_without_apt(machine: Machine, plan: Plan) -> None:
    machine.monkeypatch.setattr("shutil.which", lambda _: None)
    assert account(machine, {**plan, "java": "java-17"})["java"] == {"version": "", "source": False}
    assert not machine.ran("apt-cache"), "it is refused by its name, and not by a program that it lacks"


def test_java_is_not_looked_for_where_nothing_needs_it(machine: Machine, plan: Plan) -> None:
    assert account(machine, plan)["java"] is None
    assert not machine.ran("apt-cache")
