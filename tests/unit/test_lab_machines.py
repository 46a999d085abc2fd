"""The test machines' pure parts: the plan and what it refuses, a root's files, control groups, waiting."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from computer import waiting
from lab import cgroup, nspawn_root
from lab.machines import Machines
from lab.nspawn import MachineError
from lab.nspawn_root import Identity, Planted
from lab.plan import Plan, PlanError
from lab.segment import Segment

PLAN = Plan(
    name="test-1",
    machines=(("kafka-server1", "172.25.254.131"), ("kafka-server2", "172.25.254.132")),
    cidr="172.25.254.0/24",
    data_disk_mb=2048,
    memory_mb=None,
    archive="/cache/images/abc/rootfs.tar",
    environment=(("JDK_JAVA_OPTIONS", "-ea"),),
)

IDENTITY = Identity(
    name="kafka-server1",
    address="172.25.254.131",
    prefix=24,
    gateway="172.25.254.1",
    machine_id="0123456789abcdef0123456789abcdef",
    host_key="PRIVATE",
    host_key_public="ssh-ed25519 AAAA kafka-server1\n",
    authorized_key="ssh-ed25519 BBBB test-1\n",
    neighbours=PLAN.machines,
)

ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "group": "root:x:0:\n",
    "shadow": "root:*:19000:0:99999:7:::\n",
    "gshadow": "root:*::\n",
}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """An unpacked root, as small as can be."""
    etc = tmp_path / "shared" / "etc"
    etc.mkdir(parents=True)
    for table, text in ACCOUNTS.items():
        (etc / table).write_text(text)
    return etc.parent


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))
    return tmp_path / "lab"


def test_a_plan_survives_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(PLAN.to_json())
    assert Plan.read(file) == PLAN


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../etc"}, "lab name '../etc'"),
        ({"name": ""}, "lab name ''"),
        ({"machines": ()}, "at least one machine"),
        ({"machines": (("a;b", "172.25.254.5"),)}, "machine name 'a;b'"),
        ({"machines": (("clients", "172.25.254.5"),)}, "machine name 'clients'"),
        ({"machines": (("a", "172.25.254.5"), ("a", "172.25.254.6"))}, "machine names a, a"),
        ({"machines": (("a", "172.25.254.5"), ("b", "172.25.254.5"))}, "machine addresses 172.25.254.5"),
        ({"machines": (("a", "10.0.0.5"),)}, "address 10.0.0.5"),
        ({"machines": (("a", "172.25.254.1"),)}, "not its first two"),
        ({"machines": (("a", "nowhere"),)}, "address nowhere"),
        ({"cidr": "172.25.254.1/24"}, "172.25.254.1/24"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        dataclasses.replace(PLAN, **change)  # type: ignore[arg-type]


def test_labs_share_neither_namespace_nor_group_nor_folder(labs: Path) -> None:
    one, other = (Machines(name, ["172.25.254.131"], archive=Path("/r/rootfs.tar")) for name in ("a", "b"))
    assert one.segment.netns != other.segment.netns
    assert one.machine("kafka-server1").group != other.machine("kafka-server1").group
    assert one.folder == labs / "a" / "machines"
    assert other.folder == labs / "b" / "machines"


@pytest.mark.usefixtures("labs")
def test_an_unknown_lab_and_an_unknown_machine_are_named() -> None:
    with pytest.raises(MachineError, match="'nobody'"):
        Machines.load("nobody")
    with pytest.raises(MachineError, match=r"'nobody'.*it has kafka-server1"):
        Machines("a", ["172.25.254.131"], archive=Path("/r/rootfs.tar")).machine("nobody")


def test_the_gateway_is_the_first_address() -> None:
    assert Segment("ns", "172.25.254.0/24").gateway == "172.25.254.1"


def _by_path(files: Iterator[Planted]) -> dict[str, Planted]:
    return {file.path: file for file in files}


def test_a_root_gets_its_identity(shared: Path) -> None:
    files = _by_path(nspawn_root.planted(IDENTITY, shared))
    assert files["etc/hostname"].text == "kafka-server1\n"
    assert files["etc/machine-id"].text == f"{IDENTITY.machine_id}\n"
    assert "Address=172.25.254.131/24\nGateway=172.25.254.1\n" in (
        files["etc/systemd/network/10-host0.network"].text or ""
    )
    assert "172.25.254.132 kafka-server2\n" in (files["etc/hosts"].text or "")


def test_services_find_the_environment_of_the_lab_and_only_where_there_is_one(shared: Path) -> None:
    told = dataclasses.replace(IDENTITY, environment=(("JDK_JAVA_OPTIONS", "-Xint -ea"),))
    (file,) = [file for file in nspawn_root.planted(told, shared) if file.path.startswith("etc/systemd/system.conf.d/")]
    assert file.text == '[Manager]\nDefaultEnvironment="JDK_JAVA_OPTIONS=-Xint -ea"\n'
    assert not any("system.conf.d" in file.path for file in nspawn_root.planted(IDENTITY, shared))


def test_keys_and_the_way_to_root_are_closed_to_others(shared: Path) -> None:
    files = _by_path(nspawn_root.planted(IDENTITY, shared))
    assert files["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert files["etc/shadow"].mode == 0o640
    assert files["etc/sudoers.d/admin"].mode == 0o440
    ssh = [files["home/admin/.ssh"], files["home/admin/.ssh/authorized_keys"]]
    assert [(file.mode, file.owner) for file in ssh] == [(0o700, 1000), (0o600, 1000)]


def test_the_user_joins_the_accounts_of_the_image(shared: Path) -> None:
    passwd = _by_path(nspawn_root.planted(IDENTITY, shared))["etc/passwd"].text
    assert passwd == ACCOUNTS["passwd"] + "admin:x:1000:1000::/home/admin:/bin/bash\n"


def test_an_account_is_replaced_not_doubled() -> None:
    assert nspawn_root.with_entry("root:x:0\nadmin:x:7\nsync:x:4\n", "admin:x:1000") == (
        "root:x:0\nsync:x:4\nadmin:x:1000\n"
    )


def test_the_data_disk_keeps_its_name_when_its_device_changes() -> None:
    texts = [nspawn_root.data_device_link(device).text or "" for device in ("/dev/loop3", "/dev/loop9")]
    assert texts[0].replace("/dev/loop3", "/dev/loop9") == texts[1]
    assert f"L+ {nspawn_root.DATA_LINK} - - - - /dev/loop3\n" in texts[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_planting_leaves_the_shared_root_alone_and_takes_over_its_modes(shared: Path, tmp_path: Path) -> None:
    (shared / "etc").chmod(0o711)
    upper = tmp_path / "upper"
    upper.mkdir()
    before = sorted(shared.rglob("*"))
    nspawn_root.plant(
        [
            Planted("etc/secret", "s", 0o600),
            Planted("etc/off", link="/dev/null"),
            Planted("home/a", None, 0o700, 7),
        ],
        upper,
        shared,
    )
    assert (upper / "etc").stat().st_mode & 0o777 == 0o711
    assert ((upper / "etc/secret").stat().st_mode & 0o777, (upper / "etc/secret").read_text()) == (0o600, "s")
    assert (upper / "etc/off").readlink() == Path("/dev/null")
    assert (upper / "home/a").stat().st_uid == 7
    assert sorted(shared.rglob("*")) == before


HYBRID = """\
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""


def test_control_groups_are_found_beside_version_1() -> None:
    assert cgroup.mounted(HYBRID, "cgroup2") == Path("/sys/fs/cgroup/unified")
    assert cgroup.mounted(HYBRID, "cgroup", "memory") == Path("/sys/fs/cgroup/memory")
    assert cgroup.mounted(HYBRID, "cgroup", "freezer") is None


def test_waiting_ends_with_evidence() -> None:
    with pytest.raises(waiting.WaitedTooLong, match=r"door: not so after 0 s\. It is locked"):
        waiting.wait_for("door", lambda: False, 0, lambda: "It is locked")


def test_the_inventory_says_how_to_reach_a_machine(labs: Path) -> None:
    machines = Machines("a", ["172.25.254.131"], data_disks=False, archive=Path("/r/rootfs.tar"))
    folder = machines.machine("kafka-server1").place.folder
    folder.mkdir(parents=True)
    (folder / "machine-id").write_text(f"{IDENTITY.machine_id}\n")
    (folder / "host_key.pub").write_text(IDENTITY.host_key_public)
    assert json.loads(json.dumps(machines.inventory()))["machines"] == [
        {
            "name": "kafka-server1",
            "address": "172.25.254.131",
            "port": 22,
            "user": "admin",
            "private_key_path": str(labs / "a" / "machines" / "id_ed25519"),
            "host_key": "ssh-ed25519 AAAA",
            "machine_id": IDENTITY.machine_id,
            "data_device": None,
        }
    ]
