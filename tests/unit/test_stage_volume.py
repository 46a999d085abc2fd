"""The data volume: what `installed` finds and what `formatted` makes. Storage is sacred: most of this is about what is
refused, and that nothing was changed when it was.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Answer, Machine, Plan, answer, refused, snapshot, write_json

DEVICE = "/dev/disk/by-id/wwn-0x05abcd"
OURS = {"stack": "kafka-cluster/dev", "node_id": 1, "formatted": ["kraft"], "emptied": []}
FIND, MAKE = ("volume",), ("volume", "identity", "formatted")


def volume_plan(machine: Machine, **more: Any) -> Plan:
    return {
        "node": "n1",
        "stage": "formatted",
        "device": str(machine.path(DEVICE)),
        "data": str(machine.path("/var/lib/kafka")),
        "owner_file": str(machine.path("/var/lib/kafka/OWNER.json")),
        "owner": {"stack": "kafka-cluster/dev", "node_id": 1},
        "mount_unit": "var-lib-kafka.mount",
        "accept_empty": False,
        "modes": ["kraft", "zookeeper"],
        "folders": {},
        **more,
    }


def blkid(machine: Machine, output: str, code: int = 0) -> None:
    machine.path(DEVICE).write_text("a disk")
    machine.answer(("blkid", "-p"), answer(output, code))


def mounts(plan: Plan) -> Answer:
    """The volume that is mounted now is this node's own."""
    write_json(Path(plan["owner_file"]), OURS)
    return answer()


def test_data_without_a_device_stays_on_the_root_disk(machine: Machine) -> None:
    machine.load(*FIND)["find_data"](volume_plan(machine, device=""))
    machine.load(*MAKE)["make_data"](volume_plan(machine, device=""))
    assert not machine.calls


@pytest.mark.parametrize("first", [True, False])
def test_an_empty_volume_is_found_and_left_as_it_is(machine: Machine, first: bool) -> None:
    blkid(machine, "", code=2)
    machine.load(*FIND, first=first)["find_data"](volume_plan(machine))
    assert not machine.ran("mkfs.xfs"), "another node may still turn out to hold somebody else's data"
    assert not machine.ran("systemctl")
    assert not any(machine.path("/var/lib/kafka").iterdir())


@pytest.mark.parametrize(
    ("found", "code"),
    [("", 2), ("DEVNAME=/dev/sdb1\nPART_ENTRY_SCHEME=gpt\nPART_ENTRY_NUMBER=1\n", 0)],
    ids=["a disk", "a partition, of which its disk is told"],
)
def test_an_empty_volume_of_a_new_node_gets_a_file_system(machine: Machine, found: str, code: int) -> None:
    blkid(machine, found, code=code)
    machine.load(*MAKE)["make_data"](volume_plan(machine))
    (made,) = machine.ran("mkfs.xfs")
    assert made[-1] == str(machine.path(DEVICE))
    assert "-f" not in made, "mkfs itself looks once more, and must be allowed to refuse"
    unit = machine.path("/etc/systemd/system/var-lib-kafka.mount").read_text()
    assert f"What={machine.path(DEVICE)}\n" in unit
    assert "Type=xfs\n" in unit
    assert "Options=noatime\n" in unit
    assert machine.ran("systemctl", "start", "var-lib-kafka.mount")
    assert machine.ran("systemctl", "--quiet", "--no-reload", "enable", "var-lib-kafka.mount"), (
        "it is there after a reboot, too"
    )


@pytest.mark.parametrize("kind", ["xfs", "ext4"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("parts", "does"), [(FIND, "find_data"), (MAKE, "make_data")])
def test_a_file_system_that_is_there_is_mounted_and_never_made_anew(
    machine: Machine, kind: str, first: bool, parts: tuple[str, ...], does: str
) -> None:
    blkid(machine, f"DEVNAME=/dev/sdb\nTYPE={kind}\n")
    plan = volume_plan(machine)
    machine.answer(("systemctl", "start"), lambda *_: mounts(plan))
    machine.load(*parts, first=first)[does](plan)
    assert not machine.ran("mkfs.xfs"), "the node's data would be gone"
    assert f"Type={kind}\n" in machine.path("/etc/systemd/system/var-lib-kafka.mount").read_text()


LOOK = "/run/kafka-cluster-look"


def unmounted(machine: Machine, kind: str, content: dict[str, str]) -> Path:
    """A file system that is on the volume with these files; answers the folder that shows them while it is mounted."""
    blkid(machine, f"DEVNAME=/dev/sdb\nTYPE={kind}\n")
    place = machine.path(LOOK)

    def mount(*_: str) -> Answer:
        machine.mounted.add(place)
        for name, text in content.items():
            (place / name).write_text(text)
        return answer()

    def umount(*_: str) -> Answer:
        machine.mounted.discard(place)
        for file in place.iterdir():
            file.unlink()
        return answer()

    machine.answer(("mount",), mount)
    machine.answer(("umount",), umount)
    return place


def nothing_stays(machine: Machine) -> bool:
    """Whether nothing is mounted, and nothing will be at the next boot."""
    unit = machine.path("/etc/systemd/system/var-lib-kafka.mount")
    return not (machine.ran("systemctl") or unit.exists() or machine.mounted or machine.path(LOOK).exists())


@pytest.mark.parametrize(("kind", "options"), [("xfs", "ro,norecovery"), ("ext4", "ro,noload,loop")])
@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"films": ""}, "has no OWNER.json but holds films; it is not ours"),
        ({"OWNER.json": json.dumps({**OURS, "node_id": 3})}, "belongs to node_id 3, and not to 1"),
        ({"OWNER.json": "{"}, "is not readable as JSON"),
    ],
    ids=["somebody's files", "another node's", "half an owner"],
)
@pytest.mark.parametrize(("parts", "does"), [(FIND, "find_data"), (MAKE, "make_data")])
def test_a_foreign_file_system_is_never_mounted_to_stay(
    machine: Machine, kind: str, options: str, content: dict[str, str], named: str, parts: tuple[str, ...], does: str
) -> None:
    place = unmounted(machine, kind, content)
    told = refused(machine.load(*parts), does, volume_plan(machine))
    assert named in told
    assert str(machine.path(DEVICE)) in told, "the folder of the look is gone by then, and says nothing"
    assert LOOK not in told
    assert machine.ran("mount") == [("mount", "-t", kind, "-o", options, str(machine.path(DEVICE)), str(place))], (
        "the system that has it in use would lose its journal to a mount that writes"
    )
    assert nothing_stays(machine)


@pytest.mark.parametrize("content", [{}, {"OWNER.json": json.dumps(OURS)}], ids=["nobody's", "ours"])
def test_a_file_system_is_looked_into_before_it_is_mounted_to_stay(machine: Machine, content: dict[str, str]) -> None:
    place = unmounted(machine, "xfs", content)
    machine.load(*FIND)["find_data"](volume_plan(machine))
    started = ("systemctl", "start", "var-lib-kafka.mount")
    assert machine.calls.index(("umount", str(place))) < machine.calls.index(started), (
        "xfs mounts no device to be written that is mounted to be read"
    )
    assert not place.exists()


def test_a_file_system_that_cannot_be_looked_into_is_refused_in_the_words_of_mount(machine: Machine) -> None:
    unmounted(machine, "xfs", {})
    machine.answer(("mount",), answer(code=32, stderr="mount: wrong fs type, bad superblock\n"))
    told = refused(machine.load(*FIND), "find_data", volume_plan(machine))
    assert told.endswith("nothing was changed: mount: wrong fs type, bad superblock")
    assert nothing_stays(machine)


def test_an_entry_that_cannot_be_read_without_the_journal_is_refused(machine: Machine) -> None:
    unmounted(machine, "xfs", {})
    program = machine.load(*FIND)

    def unclean(_: Plan) -> bool:
        raise OSError(117, "Structure needs cleaning")

    program["is_owned"] = unclean
    assert "Structure needs cleaning" in refused(program, "find_data", volume_plan(machine))
    assert nothing_stays(machine)


def test_a_look_that_a_killed_run_left_is_ended_first(machine: Machine) -> None:
    place = unmounted(machine, "xfs", {})
    place.mkdir(parents=True)
    (place / "films").touch()
    machine.mounted.add(place)
    machine.load(*FIND)["find_data"](volume_plan(machine))
    looks = [call[0] for call in machine.calls if "mount" in call[0]]
    assert looks == ["umount", "mount", "umount"], "what it left may be another disk's"


def test_a_volume_that_is_mounted_is_not_mounted_to_be_looked_into(machine: Machine) -> None:
    plan = volume_plan(machine)
    machine.mounted.add(Path(plan["data"]))
    machine.answer(("findmnt",), answer(plan["device"] + "\n"))
    write_json(Path(plan["owner_file"]), OURS)
    machine.load(*FIND, first=False)["find_data"](plan)
    assert machine.calls == machine.ran("findmnt"), "a stage that has nothing to do asks one thing"


@pytest.mark.parametrize(
    ("found", "code", "named"),
    [
        ("TYPE=LVM2_member\n", 0, "LVM2_member"),
        ("TYPE=ntfs\nLABEL=Photos\n", 0, "ntfs"),
        ("PTTYPE=gpt\n", 0, "gpt"),
        ("TYPE=swap\n", 0, "swap"),
        ("", 8, "unreadable"),
        ("", 4, "unreadable"),
        ("", 0, "unreadable"),
    ],
)
@pytest.mark.parametrize("accept_empty", [True, False])
@pytest.mark.parametrize(("parts", "does"), [(FIND, "find_data"), (MAKE, "make_data")])
def test_a_volume_that_holds_something_else_is_refused(
    machine: Machine, found: str, code: int, named: str, accept_empty: bool, parts: tuple[str, ...], does: str
) -> None:
    blkid(machine, found, code)
    told = refused(machine.load(*parts), does, volume_plan(machine, accept_empty=accept_empty))
    assert named in told
    assert str(machine.path(DEVICE)) in told
    assert "nothing was changed" in told
    assert not machine.ran("mkfs.xfs"), "somebody's data is on that disk"
    assert not machine.ran("systemctl")


def test_an_empty_volume_of_a_node_that_was_set_up_before_is_a_loss(machine: Machine) -> None:
    blkid(machine, "", code=2)
    told = refused(machine.load(*MAKE, first=False), "make_data", volume_plan(machine))
    assert "was set up before" in told
    assert "pulumi config set acceptEmptyDisk n1" in told, "the word that allows it"
    assert not machine.ran("mkfs.xfs")


def test_the_word_allows_an_empty_volume(machine: Machine) -> None:
    blkid(machine, "", code=2)
    machine.load(*MAKE, first=False)["make_data"](volume_plan(machine, accept_empty=True))
    assert machine.ran("mkfs.xfs")


def test_a_volume_that_is_not_there_is_refused(machine: Machine) -> None:
    told = refused(machine.load(*FIND), "find_data", volume_plan(machine))
    assert f"{machine.path(DEVICE)} is not there" in told
    assert machine.ran("udevadm", "settle"), "a disk may take a moment to show up"
    assert not machine.ran("blkid")


def test_files_below_the_mount_point_are_refused(machine: Machine) -> None:
    machine.path("/var/lib/kafka").mkdir()
    machine.path("/var/lib/kafka/records").write_text("x")
    told = refused(machine.load(*FIND), "find_data", volume_plan(machine))
    assert "is not mounted there" in told
    assert machine.path("/var/lib/kafka/records").exists(), "a mount would hide them"
    assert not machine.ran("mkfs.xfs")


@pytest.mark.parametrize("same", [True, False])
def test_what_is_mounted_already_has_to_be_the_planned_volume(machine: Machine, same: bool) -> None:
    program, plan = machine.load(*FIND), volume_plan(machine)
    machine.mounted.add(Path(plan["data"]))
    machine.answer(("findmnt",), answer((plan["device"] if same else "/dev/sdz1") + "\n"))
    if same:
        program["find_data"](plan)
    else:
        told = refused(program, "find_data", plan)
        assert "/dev/sdz1" in told
        assert plan["device"] in told
    assert not machine.ran("mkfs.xfs")


def owned(machine: Machine, **owner: Any) -> Plan:
    """A plan for a folder that carries this owner."""
    plan = volume_plan(machine, device="")
    write_json(Path(plan["owner_file"]), {**OURS, **owner})
    return plan


@pytest.mark.parametrize("content", [[], ["lost+found"]])
def test_a_new_volume_is_given_its_owner(machine: Machine, content: list[str]) -> None:
    plan = volume_plan(machine, device="")
    for name in content:
        (Path(plan["data"]) / name).mkdir(parents=True)
    machine.load(*FIND)["find_data"](plan)
    assert not Path(plan["owner_file"]).exists(), "it is no node's before all nodes' disks were looked at"
    machine.load(*MAKE)["make_data"](plan)
    assert json.loads(Path(plan["owner_file"]).read_text()) == {**OURS, "formatted": []}


@pytest.mark.parametrize(("parts", "does"), [(FIND, "find_data"), (MAKE, "make_data")])
def test_our_own_volume_is_left_alone(machine: Machine, parts: tuple[str, ...], does: str) -> None:
    plan = owned(machine)
    before = snapshot(machine.root)
    machine.load(*parts, first=False)[does](plan)
    assert snapshot(machine.root) == before


@pytest.mark.parametrize(
    ("owner", "named"),
    [({"stack": "kafka-cluster/prod"}, "kafka-cluster/prod"), ({"node_id": 3}, "3"), ({"node_id": None}, "None")],
)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("parts", "does"), [(FIND, "find_data"), (MAKE, "make_data")])
def test_another_stacks_or_nodes_volume_is_refused(
    machine: Machine, owner: dict[str, Any], named: str, first: bool, parts: tuple[str, ...], does: str
) -> None:
    plan = owned(machine, **owner)
    before = snapshot(machine.root)
    told = refused(machine.load(*parts, first=first), does, plan)
    assert named in told
    assert str(plan["owner"][next(iter(owner))]) in told, "both values, so that one sees which is wrong"
    assert snapshot(machine.root) == before


@pytest.mark.parametrize("accept_empty", [True, False])
@pytest.mark.parametrize(("parts", "does"), [(FIND, "find_data"), (MAKE, "make_data")])
def test_foreign_data_is_refused_by_name(
    machine: Machine, accept_empty: bool, parts: tuple[str, ...], does: str
) -> None:
    plan = volume_plan(machine, device="", accept_empty=accept_empty)
    (Path(plan["data"]) / "kraft-combined-logs").mkdir(parents=True)
    told = refused(machine.load(*parts), does, plan)
    assert "kraft-combined-logs" in told
    assert "not ours" in told
    assert not Path(plan["owner_file"]).exists(), "the next run would take it for ours"


def test_an_owners_name_that_was_cut_off_is_not_somebody_elses_data(machine: Machine) -> None:
    plan = volume_plan(machine, device="")
    half = Path(plan["data"]) / ".OWNER.json.k3j2"
    half.parent.mkdir(parents=True)
    half.write_text("")
    machine.load(*MAKE)["make_data"](plan)
    assert Path(plan["owner_file"]).exists(), "a kill would stop every later `up`"


def test_an_emptied_volume_of_a_node_that_was_set_up_before_is_a_loss(machine: Machine) -> None:
    plan = volume_plan(machine, device="")
    assert "was set up before" in refused(machine.load(*MAKE, first=False), "make_data", plan)
    machine.load(*MAKE, first=False)["make_data"]({**plan, "accept_empty": True})
    emptied = json.loads(Path(plan["owner_file"]).read_text())["emptied"]
    assert emptied == ["kraft", "zookeeper"], "it is no new node's disk in any mode until it is formatted there"


def test_half_an_owner_file_is_refused(machine: Machine) -> None:
    plan = owned(machine)
    Path(plan["owner_file"]).write_text('{"stack": "kafka-cl')
    assert "OWNER.json" in refused(machine.load(*FIND), "find_data", plan)


def test_folders_belong_to_their_services(machine: Machine) -> None:
    path = machine.path("/var/lib/kafka/logs")
    machine.load(*FIND)["ensure_folders"]({"folders": {str(path): "kafka"}})
    assert path.stat().st_mode & 0o777 == 0o750
    assert not machine.ran("chown"), "walking over all data at every run would take long"


def test_a_volume_that_remembers_another_number_is_given_to_the_user(machine: Machine) -> None:
    program, path = machine.load(*FIND), machine.path("/var/lib/kafka/logs")
    account = program["pwd"].getpwnam
    program["pwd"].getpwnam = lambda name: type(account(name))(pw_uid=account(name).pw_uid + 1)
    program["ensure_folders"]({"folders": {str(path): "kafka"}})
    assert machine.ran("chown") == [("chown", "-R", "kafka:kafka", str(path))]
