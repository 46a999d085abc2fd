"""Packages that come for this package's sake, and go again with it: what is written down, and what apt is asked for."""

import json
from pathlib import Path

import pytest

from .stage_machine import Machine, answer, write_json

JAVA, HEADLESS, OTHER = "openjdk-17-jre-headless", "java-common", "somebodys-tool"
PLANNED = f"""\
Inst {HEADLESS} (0.74 Debian:12 [all])
Inst libc6 [2.36-9] (2.36-10 Debian:12 [amd64])
Inst {JAVA} (17.0.13 Debian:12 [amd64])
Conf {JAVA} (17.0.13 Debian:12 [amd64])
"""


@pytest.fixture
def record(machine: Machine) -> Path:
    return machine.path("/etc/kafka-cluster/PACKAGES.json")


def has(machine: Machine, *names: str) -> None:
    """The machine has these packages, and no others."""
    machine.answer(
        ("dpkg-query",), lambda *command: answer("installed") if command[-1] in names else answer("config-files")
    )


def removal(machine: Machine, *names: str, code: int = 0) -> None:
    """What apt says that it would remove."""
    lines = "".join(f"Purg {name} [1.0]\n" for name in names)
    machine.answer(("apt-get", "--simulate", "purge"), answer(lines, code, "E: dpkg was interrupted"))


def test_what_comes_is_written_down_before_it_does(machine: Machine, record: Path) -> None:
    machine.answer(("apt-get", "--simulate", "install"), answer(PLANNED))

    def cut_off(*_: str) -> None:
        raise KeyboardInterrupt

    machine.answer(("apt-get", "install"), cut_off)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        machine.load("packages")["bring"](JAVA, str(record))
    assert json.loads(record.read_text()) == [HEADLESS, JAVA], "what was there in another version is the machine's own"


def test_a_second_try_forgets_nothing_of_the_first(machine: Machine, record: Path) -> None:
    write_json(record, [HEADLESS])
    machine.answer(("apt-get", "--simulate", "install"), answer(f"Inst {JAVA} (17.0.13 Debian:12 [amd64])\n"))
    machine.load("packages")["bring"](JAVA, str(record))
    assert json.loads(record.read_text()) == [HEADLESS, JAVA]


def test_what_came_goes_again(machine: Machine, record: Path) -> None:
    write_json(record, [HEADLESS, JAVA])
    has(machine, JAVA)
    removal(machine, JAVA)
    machine.load("packages")["take_back"](str(record))
    (purged,) = machine.ran("apt-get", "purge")
    assert purged[-1] == JAVA
    assert HEADLESS not in purged, "it is not there any more"


@pytest.mark.parametrize(("goes", "code", "why"), [((JAVA, OTHER), 0, OTHER), ((), 100, "dpkg was interrupted")])
def test_what_others_need_stays(machine: Machine, record: Path, goes: tuple[str, ...], code: int, why: str) -> None:
    write_json(record, [JAVA])
    has(machine, JAVA, OTHER)
    removal(machine, *goes, code=code)
    machine.load("packages")["take_back"](str(record))
    assert not machine.ran("apt-get", "purge"), f"{OTHER} would have gone with it"
    assert f"stay ({JAVA})" in machine.said[-1]
    assert why in machine.said[-1]


@pytest.mark.parametrize("known", ["a record", "no record", "an earlier version's plan"])
def test_a_machine_that_was_brought_nothing_is_asked_nothing(machine: Machine, record: Path, known: str) -> None:
    if known == "a record":
        write_json(record, [JAVA])
        has(machine)
    machine.load("packages")["take_back"]("" if known == "an earlier version's plan" else str(record))
    assert not machine.ran("apt-get")
