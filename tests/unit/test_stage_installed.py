"""Stage `installed` apart from the data volume: Java, users, /etc/hosts, the archive and the links out of its home."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Answer, Machine, Plan, answer, refused, snapshot, tgz, write_json

JAVA = "openjdk-17-jre-headless"


def java(machine: Machine, monkeypatch: pytest.MonkeyPatch, *versions: str) -> None:
    """What `java -version` says, one time after the other; nothing where there is no Java."""
    found = list(versions)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/java" if found[0] or len(found) > 1 else None)

    def told(*_: str) -> Any:
        version = found.pop(0) if len(found) > 1 else found[0]
        return answer(stderr=f'openjdk version "{version}" 2025-01-01\n') if version else answer(code=127)

    machine.answer(("java", "-version"), told)


def record(machine: Machine) -> str:
    """Where it is written down what apt brought."""
    return str(machine.path("/etc/kafka-cluster/PACKAGES.json"))


def test_java_17_that_is_there_is_used(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    java(machine, monkeypatch, "17.0.13")
    machine.load("java", "packages", "installed")["ensure_java"](JAVA, record(machine))
    assert not machine.ran("apt-get")


@pytest.mark.parametrize("before", ["", "11.0.2", "21.0.1"])
def test_another_java_is_no_java_17(machine: Machine, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    java(machine, monkeypatch, before, "17.0.13")
    machine.load("java", "packages", "installed")["ensure_java"](JAVA, record(machine))
    assert machine.ran("apt-get", "install")[0][-1] == "openjdk-17-jre-headless"


def test_java_that_can_not_be_had_is_told_with_both_ways_out(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    java(machine, monkeypatch, "")
    machine.answer(("apt-get", "install"), answer(code=100, stderr="E: Unable to fetch some archives\n"))
    told = refused(machine.load("java", "packages", "installed"), "ensure_java", JAVA, record(machine))
    assert "Unable to fetch" in told
    assert "Give the machine openjdk-17-jre-headless, or a network in which it reaches a package source" in told
    assert "networkMode" not in told, "a machine that somebody else made has no such key"


@pytest.mark.parametrize(("version", "told"), [("21.0.1", 'openjdk version "21.0.1"'), ("", "it does not work")])
def test_another_java_that_stays_the_default_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, version: str, told: str
) -> None:
    java(machine, monkeypatch, "21.0.1", version)
    said = refused(machine.load("java", "packages", "installed"), "ensure_java", JAVA, record(machine))
    assert said.startswith("openjdk-17-jre-headless is installed, but `java` on PATH is another one (" + told)
    assert "update-alternatives --config java" in said


def test_users_are_made_once_and_can_not_log_in(machine: Machine) -> None:
    machine.users = {"root", "kafka"}
    program = machine.load("installed")
    program["ensure_user"]("kafka")
    assert not machine.calls
    program["ensure_user"]("zookeeper")
    (call,) = machine.ran("useradd")
    assert call[-1] == "zookeeper"
    assert "/usr/sbin/nologin" in call
    assert "--system" in call


HOSTS = {"n1": "10.0.0.1", "n2": "10.0.0.2"}


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("127.0.0.1 localhost\n", ["127.0.0.1 localhost"]),
        ("127.0.0.1 localhost\n127.0.1.1 n1\n", ["127.0.0.1 localhost"]),
        ("127.0.0.1 localhost n1\n", ["127.0.0.1 localhost"]),
        ("10.9.9.9 n1.example n1 alias\n", ["10.9.9.9 n1.example alias"]),
        ("10.0.0.1 n1\n10.0.0.9 n2\n# n1 was here\n", ["# n1 was here"]),
        ("::1 ip6-localhost\n\n10.0.0.7 n11 # not n1\n", ["::1 ip6-localhost", "", "10.0.0.7 n11 # not n1"]),
    ],
)
def test_every_node_knows_all_nodes_and_forgets_nothing_else(machine: Machine, before: str, kept: list[str]) -> None:
    hosts = machine.path("/etc/hosts")
    hosts.write_text(before)
    ensure = machine.load("installed")["ensure_hosts"]
    ensure({"hosts": HOSTS})
    lines = hosts.read_text().splitlines()
    assert lines == [*kept, "10.0.0.1 n1", "10.0.0.2 n2"]
    stamp = hosts.stat().st_mtime_ns
    ensure({"hosts": HOSTS})
    assert hosts.stat().st_mtime_ns == stamp, "the second run changes nothing"


NAME = "kafka_2.13-3.6.0"
MEMBERS = {f"{NAME}/bin/kafka-storage.sh": "#!", f"{NAME}/libs/kafka.jar": "new", f"{NAME}/config/x": "y"}


def archive_plan(machine: Machine, members: dict[str, str] | None = None, **more: Any) -> Plan:
    """A plan with the archive uploaded."""
    path = tgz(machine.path("/home/admin"), f"{NAME}.tgz", MEMBERS if members is None else members)
    return {
        "node": "n1",
        "home": str(machine.path(f"/usr/local/{NAME}")),
        "sha512": hashlib.sha512(path.read_bytes()).hexdigest(),
        "login": "admin",
        "upload": path.name,
        "staged": str(machine.path("/etc/kafka-cluster/staged")),
        "fingerprint_file": str(machine.path("/etc/kafka-cluster/FINGERPRINT")),
        **more,
    }


def uploaded(machine: Machine, plan: Plan) -> Path:
    return machine.path("/home/admin") / str(plan["upload"])


def installed_home(plan: Plan, checksum: str) -> Path:
    home = Path(plan["home"])
    (home / "bin").mkdir(parents=True)
    (home / ".archive-sha512").write_text(checksum + "\n")
    (home / "libs-old").write_text("old")
    return home


def test_the_archive_is_unpacked_and_remembered(machine: Machine) -> None:
    plan = archive_plan(machine)
    program = machine.load("installed")
    assert program["ensure_archive"](plan)
    home = Path(plan["home"])
    assert (home / "libs/kafka.jar").read_text() == "new"
    mark = home / ".archive-sha512"
    assert plan["sha512"] not in mark.read_text(), "the power may be cut before all of it is on the disk"
    assert program["ensure_archive"](plan), "what is not vouched for is unpacked again"
    seen: list[str] = []

    def sync(*_: str) -> Answer:
        seen.append(mark.read_text())
        return answer()

    machine.answer(("sync", "--file-system", plan["home"]), sync)
    program["vouch"](plan)
    assert plan["sha512"] not in seen[0], "first all of it, then the mark"
    assert mark.read_text().strip() == plan["sha512"]
    assert not program["ensure_archive"](plan)
    assert [path.name for path in home.parent.iterdir()] == [NAME], "nothing is left beside it"


def test_the_same_archive_is_not_unpacked_twice(machine: Machine) -> None:
    plan = archive_plan(machine)
    installed_home(plan, plan["sha512"])
    machine.load("installed")["ensure_archive"](plan)
    assert not machine.ran("tar")


@pytest.mark.parametrize("upload", ["changed", "missing"])
def test_an_archive_with_another_sum_is_not_unpacked(machine: Machine, upload: str) -> None:
    plan = archive_plan(machine)
    file = uploaded(machine, plan)
    if upload == "changed":
        file.write_bytes(file.read_bytes() + b"x")
        got = hashlib.sha512(file.read_bytes()).hexdigest()
    else:
        file.unlink()
        got = "no file"
    told = refused(machine.load("installed"), "ensure_archive", plan)
    assert got in told
    assert plan["sha512"] in told, "both sums, so that one can compare them with the published one"
    assert "not installed" in told
    assert not machine.ran("tar")
    assert not Path(plan["home"]).exists()


def test_an_archive_with_another_sum_leaves_the_old_home(machine: Machine) -> None:
    plan = archive_plan(machine, sha512="0" * 128)
    home = installed_home(plan, "1" * 128)
    before = snapshot(home)
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    refused(machine.load("installed"), "ensure_archive", plan)
    assert snapshot(home) == before


def test_a_newer_archive_replaces_the_home_of_a_service_that_is_down(machine: Machine) -> None:
    plan = archive_plan(machine)
    home = installed_home(plan, "1" * 128)
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    machine.load("installed")["ensure_archive"](plan)
    assert not (home / "libs-old").exists(), "jars of two builds in one class path"
    assert (home / "libs/kafka.jar").exists()


def test_a_newer_archive_leaves_the_configuration_that_is_in_force(machine: Machine) -> None:
    stock = {**MEMBERS, f"{NAME}/config/server.properties": "broker.id=0\n"}
    plan = archive_plan(machine, stock)
    home = installed_home(plan, "1" * 128)
    ours, gone = home / "config/server.properties", home / "config/kraft/gone.properties"
    ours.parent.mkdir()
    ours.write_text("broker.id=2\n")
    ours.chmod(0o640)
    manifest = {"files": [{"path": str(path)} for path in (ours, gone, machine.path("/etc/hosts"))]}
    write_json(Path(plan["staged"]) / "MANIFEST.json", manifest)
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    program = machine.load("installed")
    Path(plan["fingerprint_file"]).write_text("f1\n")
    program["ensure_archive"](plan)
    assert ours.read_text() == "broker.id=2\n", (
        "the next start would be that of a cluster of its own, which takes records"
    )
    assert ours.stat().st_mode & 0o777 == 0o640
    assert not gone.exists()
    assert (home / "libs/kafka.jar").exists()


def test_of_a_node_that_runs_nothing_yet_the_archive_brings_the_configuration(machine: Machine) -> None:
    plan = archive_plan(machine)
    home = installed_home(plan, "1" * 128)
    (home / "config").mkdir()
    (home / "config/x").write_text("old")
    write_json(Path(plan["staged"]) / "MANIFEST.json", {"files": [{"path": str(home / "config/x")}]})
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    machine.load("installed")["ensure_archive"](plan)
    assert (home / "config/x").read_text() == "y"


@pytest.mark.parametrize("running", ["kafka.service", "zookeeper.service"])
def test_a_running_services_home_is_kept(machine: Machine, running: str) -> None:
    plan = archive_plan(machine)
    home = installed_home(plan, "1" * 128)
    machine.answer(("systemctl", "show"), lambda *command: answer("active\n" if running in command else "inactive\n"))
    machine.load("installed")["ensure_archive"](plan)
    assert (home / "libs-old").exists()
    assert f"is kept, because the running {running} has its files open" in machine.said[0]


def test_a_home_that_somebody_else_made_is_refused_with_its_data(machine: Machine) -> None:
    plan = archive_plan(machine)
    records = Path(plan["home"]) / "logs/kraft-combined-logs/t-0/0.log"
    records.parent.mkdir(parents=True)
    records.write_text("records")
    before = snapshot(machine.path("/usr/local"))
    told = refused(machine.load("installed"), "ensure_archive", plan)
    assert plan["home"] in told
    assert snapshot(machine.path("/usr/local")) == before, "a cluster that was set up by hand has its data in there"


@pytest.mark.parametrize(
    ("members", "failure"),
    [({"other/bin/x": "x"}, "holds no"), ({f"{NAME}/README": "x"}, "holds no"), (None, "tar: broken")],
)
def test_an_archive_that_can_not_be_used_changes_nothing(
    machine: Machine, members: dict[str, str] | None, failure: str
) -> None:
    plan = archive_plan(machine, members)
    home = installed_home(plan, "1" * 128)
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    if members is None:
        machine.answer(("tar",), answer(code=2, stderr="tar: broken"))
    before = snapshot(home.parent)
    assert failure in refused(machine.load("installed"), "ensure_archive", plan)
    assert snapshot(home.parent) == before, "neither half a home nor a folder left beside it"


def test_what_a_killed_run_left_is_cleared_and_links_in_it_are_not_followed(machine: Machine) -> None:
    plan = archive_plan(machine)
    data = machine.path("/var/lib/kafka/logs")
    data.mkdir(parents=True)
    (data / "records").write_text("records")
    leftover = Path(plan["home"]).parent / f".{NAME}.abc123/old"
    leftover.mkdir(parents=True)
    (leftover / "logs").symlink_to(data)
    machine.load("installed")["ensure_archive"](plan)
    assert not leftover.parent.exists()
    assert (data / "records").read_text() == "records"


def test_replacing_a_home_does_not_touch_the_data_behind_its_links(machine: Machine) -> None:
    plan = archive_plan(machine)
    home = installed_home(plan, "1" * 128)
    data = machine.path("/var/lib/kafka/logs")
    data.mkdir(parents=True)
    (data / "records").write_text("records")
    (home / "logs").symlink_to(data)
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    machine.load("installed")["ensure_archive"](plan)
    assert (data / "records").read_text() == "records"


def link_plan(machine: Machine) -> tuple[Plan, Path, Path]:
    place, target = machine.path(f"/usr/local/{NAME}/logs"), machine.path("/var/lib/kafka/logs")
    place.parent.mkdir(parents=True)
    target.mkdir(parents=True)
    return {"links": {str(place): str(target)}}, place, target


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "another link", "a dead link", "the link"])
def test_the_seeds_places_lead_to_the_volume(machine: Machine, before: str) -> None:
    plan, place, target = link_plan(machine)
    made: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "an empty folder": place.mkdir,
        "another link": lambda: place.symlink_to(machine.path("/etc")),
        "a dead link": lambda: place.symlink_to("/nowhere"),
        "the link": lambda: place.symlink_to(target),
    }
    made[before]()
    machine.load("installed")["ensure_links"](plan)
    assert place.readlink() == target


def test_a_place_that_holds_files_is_refused(machine: Machine) -> None:
    plan, place, _ = link_plan(machine)
    place.mkdir()
    (place / "records").write_text("records")
    assert str(place) in refused(machine.load("installed"), "ensure_links", plan)
    assert (place / "records").read_text() == "records"


def test_the_volume_comes_before_everything_that_lies_on_it(machine: Machine) -> None:
    program, order = machine.load("java", "packages", "volume", "tools", "shared_classes", "pieces", "installed"), []
    for name in [name for name in program if name.startswith("ensure_") or name == "find_data"]:
        program[name] = lambda *_, name=name: order.append(name)
    program["main"]({"users": ["kafka"], "java": JAVA, "packages": record(machine)})
    assert order.index("find_data") < order.index("ensure_archive"), "a foreign disk is refused before much is done"
    assert order.index("ensure_user") < order.index("ensure_folders")
    assert order.index("ensure_archive") < order.index("ensure_links"), "links lie in the home that it makes"
    assert order.index("ensure_archive") < order.index("ensure_tools"), "and tools are found there"
    assert order.index("ensure_archive") < order.index("ensure_shared_classes"), "Java looks at the jars"
