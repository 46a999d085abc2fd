"""Kafka's classes as Java maps them: used where the machine's Java takes them, and nowhere else."""

import gzip
import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Machine, answer, refused

PACKED = gzip.compress(b"classes", mtime=0)
JAVA = "/usr/local/kafka/bin/kafka-run-class.sh"
PARTS = ("java", "packages", "tools", "shared_classes", "pieces", "installed")


def plan(machine: Machine, arrived: bytes = PACKED, *, planned: bool = True) -> dict[str, Any]:
    upload = machine.path("/home/admin/up/classes.gz")
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(arrived)
    wanted = {
        "path": str(machine.path("/lib/kafka.jsa")),
        "option": str(machine.path("/lib/kafka.env")),
        "upload": "up/classes.gz" if planned else "",
        "sha512": hashlib.sha512(PACKED).hexdigest() if planned else "",
        "java": "17.0.9+9-1-deb12u1-Debian" if planned else "",
    }
    return {"node": "n1", "stage": "installed", "login": "admin", "home": "/usr/local/kafka", "shared_classes": wanted}


def ensure(machine: Machine, told: dict[str, Any]) -> list[str]:
    """What processes are started with afterwards."""
    program = machine.load(*PARTS)
    program["ensure_shared_classes"](told)
    found: list[str] = program["shared_classes_option"](told["shared_classes"]["option"])
    return found


def test_where_java_takes_them_processes_are_started_with_them(machine: Machine) -> None:
    told = plan(machine)
    assert ensure(machine, told) == [f"KAFKA_OPTS=-XX:SharedArchiveFile={told['shared_classes']['path']}"]
    assert Path(told["shared_classes"]["path"]).read_bytes() == b"classes"
    assert machine.ran(JAVA), "Java itself is asked"
    machine.path("/home/admin/up/classes.gz").unlink()
    assert ensure(machine, told), "what is there needs no upload"


@pytest.mark.parametrize(("build", "asked"), [("17.0.9+9-1-deb12u1-Debian", 0), ("17.0.9+9", 1)])
def test_the_very_java_that_made_them_is_not_asked(machine: Machine, build: str, asked: int) -> None:
    home = machine.path("/usr/lib/jvm")
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text(f'JAVA_RUNTIME_VERSION="{build}"\n')
    machine.monkeypatch.setattr(shutil, "which", lambda _: str(home / "bin/java"))
    assert ensure(machine, plan(machine))
    assert len(machine.ran(JAVA)) == asked, (
        "Java's start takes as long as all else here, and seconds where it is emulated"
    )


def test_where_java_is_another_one_everything_starts_without(machine: Machine) -> None:
    told = plan(machine)
    ensure(machine, told)
    machine.answer((JAVA,), answer(code=1))
    assert ensure(machine, told) == [], "Java would pass over them, and over its own classes with them"


def test_where_nobody_made_them_everything_starts_without(machine: Machine) -> None:
    assert ensure(machine, plan(machine, planned=False)) == []
    assert machine.ran(JAVA) == []


@pytest.mark.parametrize("arrived", [PACKED[:-1], b""])
def test_what_arrived_damaged_is_not_used(machine: Machine, arrived: bytes) -> None:
    told = plan(machine, arrived)
    said = refused(machine.load(*PARTS), "ensure_shared_classes", told)
    assert hashlib.sha512(arrived).hexdigest() in said
    assert not machine.path("/lib/kafka.jsa").exists()
