"""Stages `claimed` and `removed`: a machine that somebody else made is given back as it was, but for its data."""

import json
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Machine, Plan, answer, refused, snapshot, write_json

OWNER = {"stack": "kafka-cluster/dev", "node_id": 1}
KERNEL = "vm.swappiness"


@pytest.fixture
def kernel(machine: Machine) -> dict[str, str]:
    """Kernel settings that `sysctl` reads and writes."""
    settings = {KERNEL: "60"}

    def write(*command: str) -> Any:
        key, value = command[-1].split("=")
        settings[key] = value
        return answer()

    machine.answer(("sysctl", "-n"), lambda *command: answer(settings[command[-1]] + "\n"))
    machine.answer(("sysctl", "--quiet", "--write"), write)
    return settings


@pytest.fixture
def plan(machine: Machine, kernel: dict[str, str]) -> Plan:
    """What both stages are told about a machine that is bare but for its names."""
    machine.path("/etc/hosts").write_text(HOSTS)
    machine.path("/etc/machine-id").write_text("of-n1\n")
    machine.path("/etc/systemd/system").mkdir(parents=True)
    machine.answer(("getent", "passwd"), lambda *command: answer(code=0 if command[2] in machine.users else 2))
    machine.users = {"root", "admin"}
    assert kernel
    data = machine.path("/var/lib/kafka")
    return {
        "node": "n1",
        "stage": "claimed",
        "claim": str(machine.path("/etc/kafka-cluster/CLAIM.json")),
        "owner": OWNER,
        "services": ["kafka.service", "zookeeper.service"],
        "stop_seconds": 30,
        "mount_unit": str(machine.path("/etc/systemd/system/var-lib-kafka.mount")),
        "device": "",
        "users": ["kafka", "zookeeper"],
        "kernel": [KERNEL],
        "paths": [
            str(machine.path(path))
            for path in (
                "/etc/sysctl.d/90.conf",
                "/usr/local/kafka",
                "/var/log/kafka",
                "/etc/motd.d/x",
                "/usr/local/lib/x",
            )
        ],
        "shared_folders": [str(machine.path("/etc/motd.d"))],
        "tools": {"program": str(machine.path("/usr/local/lib/x/tool")), "folder": str(machine.path("/usr/local/bin"))},
        "hosts": {"n1": "10.0.0.1", "n2": "10.0.0.2"},
        "data": str(data),
        "owner_file": str(data / "OWNER.json"),
        "data_folders": [str(data / "logs"), str(data / "zookeeper")],
        "delete_data": False,
        "cluster_id_file": str(machine.path("/usr/local/kafka/logs/kraft-combined-logs/meta.properties")),
        "login": "admin",
        "upload_folder": ".cache/kafka-cluster",
    }


HOSTS = "127.0.0.1 localhost\n127.0.1.1 n1\n10.9.9.9 n2 n2.example # old\n10.0.0.7 other\n"


def claim(machine: Machine, plan: Plan) -> None:
    machine.load("claimed")["main"](plan)


def give_back(machine: Machine, plan: Plan) -> None:
    machine.load("packages", "tools", "removed")["main"]({**plan, "stage": "removed"})


def install(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    """What the stages after `claimed` leave on a machine."""
    data, home = Path(plan["data"]), machine.path("/usr/local/kafka")
    write_json(Path(plan["owner_file"]), {**OWNER, "formatted": ["kraft"]})
    identity = data / "logs/kraft-combined-logs/meta.properties"
    identity.parent.mkdir(parents=True)
    identity.write_text("cluster.id=A_D5kj5zTbi2EDTeXHDH3g\n")
    (identity.parent / "records").write_text("records")
    (home / "bin").mkdir(parents=True)
    (home / "logs").symlink_to(data / "logs")
    for unit in ("kafka.service", "var-lib-kafka.mount"):
        machine.path(f"/etc/systemd/system/{unit}").write_text("[Unit]\n")
    for path in ("/etc/sysctl.d/90.conf", "/var/log/kafka/server.log", "/etc/kafka-cluster/staged/MANIFEST.json",
                 "/etc/motd.d/x", "/usr/local/lib/x/tool", "/etc/kafka-cluster/fingerprint", "/home/admin/.cache/kafka-cluster/a.tgz"):  # fmt: skip
        machine.path(path).parent.mkdir(parents=True, exist_ok=True)
        machine.path(path).write_text("x")
    machine.path("/usr/local/bin").mkdir(exist_ok=True)
    machine.path("/usr/local/bin/kafka-topics.sh").symlink_to(plan["tools"]["program"])
    machine.users |= {"kafka", "zookeeper"}
    kernel[KERNEL] = "1"
    machine.load("installed")["ensure_hosts"](plan)


def test_a_claim_says_whose_the_machine_is_and_what_was_there_before(machine: Machine, plan: Plan) -> None:
    Path(plan["paths"][2]).mkdir(parents=True)
    machine.users.add("zookeeper")
    claim(machine, plan)
    path = Path(plan["claim"])
    assert json.loads(path.read_text()) == {
        **OWNER,
        "users": ["zookeeper"],
        "paths": [plan["paths"][2]],
        "kernel": {KERNEL: "60"},
        "hosts": ["127.0.1.1 n1", "10.9.9.9 n2 n2.example # old"],
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_it_says_tells_the_machine_from_another_one(machine: Machine, plan: Plan) -> None:
    claim(machine, plan)
    assert machine.said[-1] == "n1 is taken, machine of-n1"
    assert machine.ran("runuser", "-u", "admin")[0][-1] == plan["upload_folder"], "sftp writes there as that user"


def test_a_second_claim_does_not_take_ours_for_what_was_there_before(
    machine: Machine, plan: Plan, kernel: dict[str, str]
) -> None:
    claim(machine, plan)
    before = Path(plan["claim"]).read_text()
    install(machine, plan, kernel)
    claim(machine, plan)
    assert Path(plan["claim"]).read_text() == before, "a destroy would leave everything there for ever"


@pytest.mark.parametrize("other", [{"stack": "kafka-cluster/prod"}, {"node_id": 2}])
def test_a_machine_that_is_another_ones_is_refused(machine: Machine, plan: Plan, other: dict[str, Any]) -> None:
    write_json(Path(plan["claim"]), {**OWNER, **other})
    before = snapshot(machine.root)
    told = refused(machine.load("claimed"), "main", plan)
    assert repr(next(iter(other.values()))) in told
    assert snapshot(machine.root) == before


def test_a_machine_is_given_back_as_it_was(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    before = snapshot(machine.root)
    claim(machine, plan)
    install(machine, plan, kernel)
    give_back(machine, {**plan, "delete_data": True})
    after = snapshot(machine.root)
    assert sorted(after.pop("etc/hosts").splitlines()) == sorted(before.pop("etc/hosts").splitlines())
    # Folders that every machine has and that the stage made on this bare one.
    common = {"etc/sysctl.d", "var/log", "usr/local/bin", "usr/local/lib"}
    assert {path for path in after if path not in before} <= common
    assert kernel == {KERNEL: "60"}
    removed = [call[1] for call in machine.ran("userdel")]
    assert removed == ["kafka", "zookeeper"]
    assert machine.ran("systemctl", "--quiet", "disable", "kafka.service")


def test_data_stays_unless_its_end_was_asked_for(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    claim(machine, plan)
    install(machine, plan, kernel)
    give_back(machine, plan)
    data = Path(plan["data"])
    assert (data / "logs/kraft-combined-logs/records").read_text() == "records"
    assert (data / "OWNER.json").exists(), "the next `up` has to find its own data"
    assert not machine.path("/usr/local/kafka").exists()
    assert any("A_D5kj5zTbi2EDTeXHDH3g" in line for line in machine.said), "without its id the data is of no use"


def test_another_ones_data_stays_whatever_was_asked_for(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    claim(machine, plan)
    install(machine, plan, kernel)
    write_json(Path(plan["owner_file"]), {"stack": "kafka-cluster/prod", "node_id": 7, "formatted": []})
    give_back(machine, {**plan, "delete_data": True})
    assert (Path(plan["data"]) / "logs/kraft-combined-logs/records").exists()
    assert any("kafka-cluster/prod" in line for line in machine.said)


def test_data_without_an_owner_stays(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    claim(machine, plan)
    install(machine, plan, kernel)
    Path(plan["owner_file"]).unlink()
    give_back(machine, {**plan, "delete_data": True})
    assert (Path(plan["data"]) / "logs/kraft-combined-logs/records").exists()


@pytest.mark.parametrize("token", [None, {"stack": "kafka-cluster/prod", "node_id": 1}, {}])
def test_a_machine_without_our_claim_is_not_touched(
    machine: Machine, plan: Plan, kernel: dict[str, str], token: dict[str, Any] | None
) -> None:
    install(machine, plan, kernel)
    if token is not None:
        write_json(Path(plan["claim"]), token)
    before = snapshot(machine.root)
    give_back(machine, {**plan, "delete_data": True})
    assert snapshot(machine.root) == before
    assert not [call for call in machine.calls if call[0] in ("systemctl", "userdel")]
    assert machine.said == ["nothing here belongs to this node; nothing was removed"]


def test_what_was_there_before_stays(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    machine.users.add("kafka")
    log = machine.path("/var/log/kafka/old.log")
    log.parent.mkdir(parents=True)
    log.write_text("old")
    somebody = machine.path("/etc/motd.d/somebody")
    somebody.parent.mkdir()
    somebody.write_text("hello")
    claim(machine, plan)
    install(machine, plan, kernel)
    give_back(machine, plan)
    assert log.read_text() == "old"
    assert somebody.read_text() == "hello"
    assert not machine.path("/etc/motd.d/x").exists()
    assert [call[1] for call in machine.ran("userdel")] == ["zookeeper"]


@pytest.mark.parametrize("cut", ["userdel", "sysctl", "systemctl"])
def test_a_removal_that_was_cut_off_goes_on(machine: Machine, plan: Plan, kernel: dict[str, str], cut: str) -> None:
    claim(machine, plan)
    install(machine, plan, kernel)

    def killed(*_: str) -> Any:
        raise KeyboardInterrupt

    answers = list(machine._answers)
    machine.answer((cut,), killed)
    with pytest.raises(KeyboardInterrupt):
        give_back(machine, plan)
    assert Path(plan["claim"]).exists(), "the claim goes last, or nobody would know what is left"
    machine._answers[:] = answers
    give_back(machine, plan)
    assert not Path(plan["claim"]).parent.exists()
    assert not machine.path("/usr/local/kafka").exists()
    assert kernel == {KERNEL: "60"}
    assert sorted(machine.path("/etc/hosts").read_text().splitlines()) == sorted(HOSTS.splitlines())


def test_a_second_removal_changes_nothing(machine: Machine, plan: Plan, kernel: dict[str, str]) -> None:
    claim(machine, plan)
    install(machine, plan, kernel)
    give_back(machine, plan)
    before = snapshot(machine.root)
    give_back(machine, plan)
    assert snapshot(machine.root) == before


@pytest.mark.parametrize("stubborn", [True, False])
def test_a_service_that_does_not_stop_is_killed(
    machine: Machine, plan: Plan, kernel: dict[str, str], stubborn: bool
) -> None:
    claim(machine, plan)
    install(machine, plan, kernel)
    machine.answer(("systemctl", "show"), answer("deactivating\n" if stubborn else "inactive\n"))
    give_back(machine, plan)
    assert machine.ran("timeout", "30", "systemctl", "stop", "kafka.service")
    assert bool(machine.ran("systemctl", "kill")) is stubborn
