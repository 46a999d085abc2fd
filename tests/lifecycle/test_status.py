"""What an operator sees of a cluster: its status when it is well, hurt and gone, its page, and what a login shows.

The tests of this file are one story and run in its order, in KRaft mode but for the last one, on machines, a state and a
stack of their own.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from computer import places
from computer.waiting import wait_for
from tests.support.machines import Ground, ground, on
from tests.support.operate import becomes, status

pytestmark = pytest.mark.lifecycle

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
FIRST, SECOND, THIRD = NODES
# What somebody waits for who has typed the command, on a computer that is idle but for that.
ANSWER_SECONDS = 3.0
# What loading the program's libraries takes there. Where it takes longer, so does the answer.
LOAD_SECONDS = 0.5
LOAD = "import asyncssh, kafka, pydantic"
LOOKS = 3
# Of this process only: a prepared shell around it, or a `make` that runs it.
OURS_ALONE = ("KAFKA_CLUSTER_PROGRAMS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
LOGIN_SECONDS = CLIENT_SECONDS = 60
BACK_SECONDS = 60
# What Kafka's own tool lists with which option.
OPTIONS = {
    "under_replicated_partitions": "--under-replicated-partitions",
    "under_min_isr_partitions": "--under-min-isr-partitions",
    "at_min_isr_partitions": "--at-min-isr-partitions",
    "offline_partitions": "--unavailable-partitions",
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them, up in KRaft mode."""
    folder = tmp_path_factory.mktemp("stack")
    with ground(f"status-{os.getpid()}", folder, config={"heap": "256M"}) as made:
        made.stack.up()
        yield made


def operate(ours: Ground, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [*ours.stack.prefix, sys.executable, "-W", "ignore", "-m", "operations", *words]
    environment = {**(ours.stack.environment or {}), "PYTHONPATH": str(places.CHECKOUT)}
    return subprocess.run(command, cwd=ours.stack.project, env=environment, capture_output=True, text=True)


def make_status(ours: Ground) -> str:
    """What somebody sees who types it in a shell that nobody prepared."""
    command = [*ours.stack.prefix, "make", "--no-print-directory", "status", f"STACK={ours.stack.name}"]
    # No lab of libvirt's has this name: it stays in the network that it is in.
    environment = {**(ours.stack.environment or {}), "KAFKA_CLUSTER_LAB": ours.stack.name}
    environment = {name: value for name, value in environment.items() if name not in OURS_ALONE}
    done = subprocess.run(command, cwd=places.CHECKOUT, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith(f"{ours.stack.name}: "), f"no answer, however fast: {done.stdout}{done.stderr}"
    return done.stdout


def fastest(ours: Ground, wanted: str) -> tuple[float, str]:
    """How long an answer takes on an idle computer, and the verdict of the last one: the first that has the verdict and
    comes in time, else the best of some."""
    seconds: list[float] = []
    verdict = ""
    while len(seconds) < LOOKS and not (seconds and min(seconds) < ANSWER_SECONDS and verdict == wanted):
        started = time.monotonic()
        subprocess.run([sys.executable, "-W", "ignore", "-c", LOAD], check=True)
        loaded = time.monotonic()
        page = make_status(ours)
        busy = max(1.0, (loaded - started) / LOAD_SECONDS)
        seconds.append((time.monotonic() - loaded) / busy)
        verdict = page.partition(": ")[2].partition(";")[0]
    return min(seconds), verdict


def shows(ours: Ground, what: str, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status once it shows something. One look on a busy computer may miss an answer that is there."""
    found: dict[str, Any] = {}

    def looked() -> bool:
        found.update(status(ours.stack))
        return so(found)

    wait_for(what, looked, BACK_SECONDS, lambda: json.dumps(found["missing"]))
    return found


def asked(found: dict[str, Any]) -> list[bool]:
    """Which nodes have answered."""
    return [node["asked"] for node in found["nodes"]]


def test_a_healthy_cluster_says_so_soon(ours: Ground) -> None:
    found = becomes(ours.stack, "healthy")
    assert found["exit_status"] == 0
    seconds, verdict = fastest(ours, "healthy")
    assert verdict == "healthy"
    assert seconds < ANSWER_SECONDS
    numbers = found["numbers"]
    assert (numbers["brokers_online"], numbers["active_controllers"]) == (3, 1)
    assert numbers["unclean_elections"] is not None
    assert len(found["quorum"]["voters"]) == 3
    for node in found["nodes"]:
        assert node["configuration"]["current"] is True
        assert node["reason"] == "it was down"
        assert (node["heap"]["max_mib"], node["restarts"]) == (256, 0)
        assert abs(node["clock"]["ahead_seconds"]) < 1, "one computer's machines have one clock"
        assert 0 < node["data_volume"]["free_bytes"] <= node["data_volume"]["total_bytes"]


def test_the_page_for_a_person_says_the_same(ours: Ground) -> None:
    page = ""

    def healthy() -> bool:
        nonlocal page
        done = operate(ours, "status")
        page = done.stdout
        return done.returncode == 0

    wait_for("a page that says healthy", healthy, BACK_SECONDS, lambda: page)
    assert re.search("healthy; kraft cluster", page.splitlines()[0])
    for name in NODES:
        assert re.search(rf"^  {name}  .*kafka active .*current", page, re.MULTILINE)


def test_a_watch_goes_on_until_it_is_ended(ours: Ground) -> None:
    command = [*ours.stack.prefix, sys.executable, "-W", "ignore", "-m", "operations", "status", "--watch", "0.1"]
    environment = {**(ours.stack.environment or {}), "PYTHONPATH": str(places.CHECKOUT)}
    watching = subprocess.Popen(command, cwd=ours.stack.project, env=environment, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    seen = 0
    limit = threading.Timer(BACK_SECONDS, watching.terminate)
    limit.start()
    for line in watching.stdout:
        seen += ": healthy;" in line
        if seen == 2:
            break
    limit.cancel()
    watching.terminate()
    watching.communicate(timeout=BACK_SECONDS)
    assert seen == 2


def lines(readme: str, title: str, language: str) -> str:
    """What stands on the page to be copied, under a title."""
    section = readme.partition(f"### {title}\n")[2].partition("\n#")[0]
    (found,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(found)


def here(ours: Ground, *command: str) -> str:
    """What a command prints on this computer, in the machines' network."""
    done = subprocess.run([*ours.stack.prefix, *command], capture_output=True, text=True, timeout=CLIENT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def of_java(properties: str, servers: str) -> str:
    """Java's clients with these properties: of Kafka's tools with a producer, this one alone takes the servers from them,
    and none with a consumer does."""
    return f"""
printf %s {shlex.quote(properties)} > client.properties && echo hello > record &&
kafka-producer-perf-test.sh --producer.config client.properties \
  --topic hello --num-records 1 --throughput -1 --payload-file record &&
kafka-console-consumer.sh --consumer.config client.properties --bootstrap-server {servers} \
  --topic hello --from-beginning --max-messages 3 --timeout-ms {1000 * CLIENT_SECONDS}
"""


def test_lines_of_the_page_work_as_they_are_printed(ours: Ground) -> None:
    """All but kaf's, which Debian does not have. Each client adds a record."""
    readme = ours.stack.outputs()["readme"]
    said = on(ours, FIRST, lines(readme, "Console tools", "sh"))
    assert "hello" in said.splitlines()
    assert "Topic: hello\tPartition: 0" in said
    said = here(ours, "bash", "-euo", "pipefail", "-c", lines(readme, "kcat", "sh"))
    assert 'topic "hello" with 3 partitions' in said
    assert said.splitlines().count("hello") == 2, f"kcat reads the record of the tools and its own: {said}"
    said = on(ours, FIRST, of_java(lines(readme, "Java", "properties"), ours.servers))
    assert said.splitlines().count("hello") == 3, f"Java's consumer reads the record of its producer, too: {said}"
    python = lines(readme, "Python", "python")
    assert here(ours, sys.executable, "-W", "ignore", "-c", python) == "hello\n"


def test_numbers_are_those_of_kafkas_own_tools(ours: Ground) -> None:
    on(ours, THIRD, "sudo systemctl stop kafka")
    told: dict[str, tuple[int, int]] = {}

    def agree() -> bool:
        numbers = status(ours.stack)["numbers"]
        for name, option in OPTIONS.items():
            listed = on(ours, FIRST, f"kafka-topics.sh --bootstrap-server {ours.servers} --describe {option}")
            told[name] = numbers[name], listed.count("Partition: ")
        return all(mine == theirs for mine, theirs in told.values())

    wait_for("the same numbers of both", agree, BACK_SECONDS, lambda: json.dumps(told))
    down = f"{THIRD}: kafka.service is inactive"
    found = shows(ours, down, lambda found: down in found["missing"])
    assert found["verdict"] == "unhealthy"
    assert told["under_replicated_partitions"][0] > 0
    on(ours, THIRD, "sudo systemctl start kafka")
    becomes(ours.stack, "healthy")


def test_a_process_that_failed_and_came_back_is_told(ours: Ground) -> None:
    on(ours, SECOND, "sudo systemctl kill --signal=SIGKILL kafka")
    wait_for(
        "systemd to start it again", lambda: "failed" in str(status(ours.stack)["nodes"][1]["reason"]), BACK_SECONDS
    )
    found = becomes(ours.stack, "healthy")
    assert any(f"{SECOND}: systemd had to start it again" in warning for warning in found["warnings"])


def test_a_broker_that_hangs_is_told_while_the_others_still_count_it(ours: Ground) -> None:
    leader = becomes(ours.stack, "healthy")["quorum"]["leader"]
    number, name = next(each for each in enumerate(NODES, 1) if each[0] != leader)
    hangs = f"broker {number} registered, but not answering"
    on(ours, name, "sudo systemctl kill --signal=SIGSTOP kafka")
    try:
        found = shows(ours, hangs, lambda found: hangs in found["missing"] and all(asked(found)))
    finally:
        on(ours, name, "sudo systemctl kill --signal=SIGCONT kafka")
    assert found["exit_status"] == 1, "its clients wait for it in vain"
    assert found["nodes"][number - 1]["units"] == {"kafka.service": "active"}, "its process is there"
    becomes(ours.stack, "healthy")


def test_a_machine_that_is_gone_holds_up_nobody(ours: Ground) -> None:
    ours.machines.cut(THIRD)
    seconds, verdict = fastest(ours, "NOT HEALTHY")
    assert verdict == "NOT HEALTHY"
    assert seconds < ANSWER_SECONDS, "one node's silence must not be waited for after another's"
    found = shows(ours, "that the third alone is silent", lambda found: asked(found) == [True, True, False])
    assert found["exit_status"] == 1
    assert any(fault.startswith(f"{THIRD} can't be asked") for fault in found["missing"])
    assert found["numbers"]["unclean_elections"] is None, "the log that can't be read may hold one"


def test_when_all_are_gone_nobody_can_tell(ours: Ground) -> None:
    ours.machines.cut(FIRST)
    ours.machines.cut(SECOND)
    seconds, verdict = fastest(ours, "CAN'T TELL")
    assert verdict == "CAN'T TELL"
    assert seconds < ANSWER_SECONDS
    found = status(ours.stack)
    assert found["exit_status"] == 2
    assert set(found["numbers"].values()) - {3} == {None, found["numbers"]["unclean_elections_note"]}
    for name in NODES:
        ours.machines.mend(name)
    becomes(ours.stack, "healthy")


def typed(ours: Ground, name: str, *words: str) -> str:
    """What the terminal shows of somebody who logs in on a machine and types these lines."""
    login = [*ours.stack.prefix, "ssh", "-F", str(ours.machines.ssh_config), "-tt", name]
    keys = "".join(f"{line}\n" for line in words)
    return subprocess.run(login, input=keys, capture_output=True, text=True, timeout=LOGIN_SECONDS).stdout


def test_a_login_says_whose_node_it_is_and_finds_the_tools(ours: Ground) -> None:
    shown = typed(ours, SECOND, "command -v kafka-topics.sh", "exit")
    address = ours.machines.machine(SECOND).address
    assert f"{SECOND} ({address}): node 2, broker and controller" in shown, (
        f"nobody would know whose machine it is: {shown}"
    )
    assert "/usr/local/bin/kafka-topics.sh" in shown, shown
    assert "3.6.0" in on(ours, SECOND, "kafka-topics.sh --version")


def test_a_stack_that_is_not_up_is_no_answer(ours: Ground) -> None:
    done = operate(ours, "status", "--stack", "never-was")
    assert done.returncode == 2
    assert "never-was" in done.stderr


def test_in_zookeeper_mode_a_machine_that_is_gone_holds_up_nobody_either(ours: Ground) -> None:
    ours.stack.configure(mode="zookeeper")
    ours.stack.up()
    found = becomes(ours.stack, "healthy")
    assert {member["state"] for member in found["ensemble"]["members"]} == {"leader", "follower"}
    assert {node["reason"] for node in found["nodes"]} == {"its configuration changed"}
    ours.machines.cut(THIRD)
    seconds, verdict = fastest(ours, "NOT HEALTHY")
    assert verdict == "NOT HEALTHY"
    assert seconds < ANSWER_SECONDS, "nor may a silent member of the ensemble be waited for after the brokers"
    found = shows(ours, "that the third alone is silent", lambda found: asked(found) == [True, True, False])
    assert found["exit_status"] == 1
    assert "no answer" in found["ensemble"]["members"][2]["state"]
