"""One run on virtual machines, end to end: the tutorial, typed line by line, and between its lines what the package
promises of the machines it makes.

The tests of this file are one story and run in its order, on a lab, a state and a copy of the checkout of their own.
What can be shown without a virtual machine is shown elsewhere, at native speed. On a computer that emulates its machines
too slowly the story is a shorter one, and says so: a machine loses its power and the mode is switched once, but nothing else
starts a machine or its services again.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from computer import places
from computer.waiting import wait_for
from lab.libvirt import Libvirt
from model.leftovers import Thing, known, leftovers
from model.machine_names import MachineNames
from operations.leftovers import clear, foreign, present
from tests.lifecycle import records
from tests.support.session import session
from tests.support.stack import PulumiFailed, Stack
from tests.support.traffic.beside import traffic
from tests.support.tutorial import Reader, Shell, sections
from tests.support.under_way import up_under_way
from tests.support.virtual import copy_of_the_checkout, libvirt_of_its_own
from toolchain import programs

pytestmark = pytest.mark.lifecycle

PROJECT = "kafka-cluster"
STACK = "dev"
NAMES = MachineNames(PROJECT, STACK)
# Emulated guests beside whatever else the computer does; real ones need a tenth of it.
WHOLE_SECONDS = 900
# All of the story takes a dozen times as long; emulated on two quiet cores, the first `up` alone takes three to six
# minutes.
LONGEST_FIRST_UP = 120.0
UP, LOOK, WRITE, CHANGE, SWITCH, BREAK, DOWN = (
    "1. Up",
    "2. Look at it",
    "3. Write and read",
    "4. Change something",
    "5. Switch to ZooKeeper mode, and back",
    "6. Break something",
    "7. Down",
)
SECONDS_TO_AUTOSTART = 60
RECORD = "hello"
SLOW_RECORDS = 200
# More would keep emulated machines from anything else.
SELDOM = ("--per-second", "4")


@pytest.fixture(scope="module")
def lab() -> Iterator[Libvirt]:
    """A lab that is not up yet: that is for the tutorial to do."""
    with libvirt_of_its_own("test", up=False) as lab:
        yield lab


@pytest.fixture(scope="module")
def stack(lab: Libvirt, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with copy_of_the_checkout(lab, tmp_path_factory.mktemp("tutorial"), STACK) as copy:
        yield copy


@pytest.fixture(scope="module")
def reader(stack: Stack, lab: Libvirt) -> Iterator[Reader]:
    """Who reads the tutorial, in a shell that nothing is prepared in."""
    page = (stack.project / "docs/tutorial/first-cluster.md").read_text(encoding="utf-8")
    with Shell.opened(stack.project, unprepared(stack.environment or {}, lab)) as shell:
        yield Reader(sections(page), shell)


def unprepared(environment: Mapping[str, str], lab: Libvirt) -> dict[str, str]:
    """The variables of a user who has just logged in, and what keeps the test apart from that user."""
    ours = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_DEBUG_COMMANDS")
    kept = {
        key: value
        for key, value in environment.items()
        if key in ours or not key.startswith(("PULUMI_", "KAFKA_CLUSTER_PROGRAMS", "MAKE", "MFLAGS"))
    }
    path = [part for part in kept["PATH"].split(os.pathsep) if not Path(part).is_relative_to(places.CHECKOUT)]
    return {
        **kept,
        "PATH": os.pathsep.join(path),
        "KAFKA_CLUSTER_LAB": lab.namespace.name,
        "PULUMI_SKIP_CONFIRMATIONS": "true",  # the "yes" that the page tells its reader to say
    }


class ProcessWatch(threading.Thread):
    """Looks through the command lines of all processes until it is told to stop."""

    def __init__(self, pattern: str) -> None:
        super().__init__(daemon=True)
        self._pattern = re.compile(pattern.encode())
        self._over = threading.Event()
        self.seen: set[bytes] = set()

    def run(self) -> None:
        while not self._over.wait(0.2):
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = line.read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if found := self._pattern.search(text):
                    self.seen.add(text[max(0, found.start() - 100) : found.end()])

    def stop(self) -> None:
        self._over.set()
        self.join()


KEY_MATERIAL = r"BEGIN OPENSSH PRIVATE KEY|b3BlbnNzaC1rZXktdjE"


@dataclass(frozen=True)
class FirstUp:
    """What it printed, its events, the command lines that held key material meanwhile, and how long it took."""

    printed: str
    events: str
    processes: str
    seconds: float


@pytest.fixture(scope="module")
def first_up(stack: Stack, reader: Reader) -> FirstUp:
    """The first `up`, with somebody watching."""
    watch = ProcessWatch(KEY_MATERIAL)
    watch.start()
    events, began = stack.project / "events.json", time.monotonic()
    reader.shell.type(f"export PULUMI_OPTION_EVENT_LOG={events}")
    try:
        printed = reader.do(UP)
    finally:
        watch.stop()
    seconds = time.monotonic() - began
    reader.shell.type("unset PULUMI_OPTION_EVENT_LOG")
    return FirstUp(printed, events.read_text(), repr(watch.seen) if watch.seen else "", seconds)


@pytest.fixture(scope="module")
def too_slow(request: pytest.FixtureRequest, first_up: FirstUp) -> str:
    """Why the story is not told to its end; nothing where it is."""
    if request.config.getoption("--whole-story") or first_up.seconds <= LONGEST_FIRST_UP:
        return ""
    return (
        f"the first `up` took {first_up.seconds:.0f} s on the machines that this computer emulates, so all of it would take an hour:"
        " `make test-vms` does it however long it takes"
    )


@pytest.fixture(scope="module")
def further_on(too_slow: str) -> None:
    """For what starts machines or their services once more, or Java on them: a tool takes two minutes there."""
    if too_slow:
        pytest.skip(too_slow)


@pytest.fixture(scope="module")
def kept(stack: Stack, reader: Reader, first_up: FirstUp, too_slow: str) -> str:
    """A topic with a record that nothing may lose: it is on a disk, since the power of all machines will be cut at once.

    Kafka acknowledges what its replicas have in memory and leaves the disk to the system, which takes half a minute.
    """
    if too_slow:  # written from outside, as one of Kafka's tools takes two minutes on a machine
        records.write(stack.prefix, stack.outputs()["bootstrap_servers"], "test", RECORD)
        return "test"
    reader.do(WRITE)
    for node in stack.config()["nodes"]:
        assert operate(stack, "ssh", node["name"], "sync").returncode == 0
    return "test"


def operate(stack: Stack, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs an operation on the stack from inside the lab."""
    command = [*stack.prefix, sys.executable, "-m", "operations", *words]
    environment = {**(stack.environment or {}), "PYTHONPATH": str(places.CHECKOUT)}
    return subprocess.run(command, cwd=stack.project, env=environment, input=stdin, capture_output=True, text=True)


def whole(stack: Stack) -> None:
    """Waits for the cluster to be whole, without doing anything for it."""
    status = operate(stack, "status", "--wait", str(WHOLE_SECONDS))
    assert status.returncode == 0, f"the cluster did not come back by itself:\n{status.stdout}{status.stderr}"


def make(lab: Libvirt, stack: Stack, verb: str) -> subprocess.CompletedProcess[str]:
    """What `make VERB` runs after the set-up, from outside the lab: that may be down still."""
    command, environment = made(lab, stack, verb)
    return subprocess.run(command, cwd=places.CHECKOUT, env=environment, capture_output=True, text=True)


def made(lab: Libvirt, stack: Stack, verb: str) -> tuple[list[str], dict[str, str]]:
    """The command behind `make VERB`, and its environment."""
    environment = stack.environment or {}
    command = [sys.executable, "-m", "toolchain.stack", verb, "--stack", stack.name, "--project", str(stack.project)]
    mine = {
        "KAFKA_CLUSTER_LAB": lab.namespace.name,
        "KAFKA_CLUSTER_PROGRAMS": str(programs.bin_dir()),
        "PATH": os.pathsep.join([str(places.CHECKOUT / "toolchain/shims"), environment["PATH"]]),
        "PYTHONPATH": str(places.CHECKOUT),
    }
    return command, {**environment, **mine}


def test_up_answers_with_the_bootstrap_servers(stack: Stack, first_up: FirstUp) -> None:
    wanted = "172.25.254.131:9092,172.25.254.132:9092,172.25.254.133:9092"
    assert first_up.printed.rstrip().endswith(f"\n{wanted}"), "a client is to be given one line that it can use"


@pytest.mark.parametrize("where", ["printed", "processes"])
def test_no_private_key_is_shown(first_up: FirstUp, where: str) -> None:
    found = re.search(f".{{0,80}}({KEY_MATERIAL})", str(getattr(first_up, where)))
    assert found is None, f"whoever reads the {where} of an `up` sees a private key: {found and found[0]}"


def test_no_lasting_key_is_in_any_event(stack: Stack, first_up: FirstUp) -> None:
    """Debug events hold what the libvirt provider was told for the first boot, so the key in there must not last."""
    state = json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout)["deployment"]["resources"]
    pairs = {r["urn"].rpartition("::")[2]: r["outputs"]["stdout"] for r in state if r["urn"].endswith("-key")}
    lasting = {name: lines for name, lines in pairs.items() if not name.endswith("-first-key")}
    assert len(lasting) == 1 + len(stack.config()["nodes"]), "the operator's key and one for each machine"
    for name, text in lasting.items():
        # The part of a private key's text that no two keys share.
        own = json.loads(json.loads(text["plaintext"]))[name]["private"].splitlines()[2:-1]
        assert own, "a key without a body would make this test blind"
        assert not any(line in first_up.events for line in own), f"an event shows {name}, which opens or is a machine"


def test_no_key_material_lies_open_in_the_state(stack: Stack, first_up: FirstUp) -> None:
    exported = stack.pulumi("stack", "export").stdout
    assert not re.search(KEY_MATERIAL, exported), "a state is shared and backed up: its keys must be encrypted"


@pytest.mark.live
def test_the_live_checks_pass(reader: Reader, first_up: FirstUp) -> None:
    printed = reader.do(LOOK)
    assert "checks looked at the running stack" in printed, "`make verify` must not pass without having looked"


def test_a_second_up_changes_nothing(stack: Stack, first_up: FirstUp) -> None:
    stack.up("--expect-no-changes")


def test_nothing_of_the_lab_is_reached_from_outside(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    """No way leads to its network, and nobody else may speak to its libvirt."""
    network = ip_network(stack.config()["networkCidr"])
    routes = json.loads(subprocess.run(["ip", "-json", "-4", "route"], capture_output=True, check=True).stdout)
    ways = [route for route in routes if route["dst"] != "default" and ip_network(route["dst"]).overlaps(network)]
    assert not ways, "the lab's network would be in the way of the computer's own, or open to it"
    assert lab.socket.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("node", ["kafka-server1", "kafka-server2", "kafka-server3"])
def test_apparmor_would_let_a_machine_at_its_disks(lab: Libvirt, first_up: FirstUp, node: str) -> None:
    """A libvirt of the computer's own confines its machines, which the lab can't: the helper that makes the profile is
    asked what would stand in it."""
    domain = lab.virsh("dumpxml", "--inactive", NAMES.of(node))
    uuid = re.search("<uuid>(.*)</uuid>", domain)
    assert uuid
    # In the lab's place, where the disks lie, it follows each one to the image below it.
    command = lab.namespace.inside(["/usr/lib/libvirt/virt-aa-helper", "--dryrun", "-r", "-u", f"libvirt-{uuid[1]}"])
    done = subprocess.run(command, input=domain, capture_output=True, text=True)
    pool = lab.virsh("vol-list", NAMES.prefix).splitlines()
    number = node.removeprefix("kafka-server")
    disks = (f"{node}-root.qcow2", f"{node}-first-boot.iso", f"node{number}-data.qcow2", "image")
    paths = [row.split()[1] for row in pool for disk in disks if row.split() and disk in row.split()[0]]
    assert len(paths) == len(disks), f"{pool}"
    missing = [path for path in paths if f'"{path}" r' not in done.stdout + done.stderr]
    assert not missing, (
        f"QEMU would not be let at {missing}, and the machine would not start:\n{done.stdout}{done.stderr}"
    )


def test_an_address_that_answers_is_refused_before_its_machine_is_made(stack: Stack, first_up: FirstUp) -> None:
    taken, free = (operate(stack, "free-address", address) for address in ("172.25.254.131", "172.25.254.200"))
    assert (taken.returncode, free.returncode) == (1, 0), "two machines with one address would both be unreachable"
    assert "172.25.254.131" in taken.stderr, "whoever reads it must know which address"


def test_a_machine_that_never_comes_up_is_shown_with_its_console(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    handover = stack.handover()
    assert handover, "a stack that is up handed over how its machines are reached"
    node = handover.nodes[0]
    document = {
        "access": {**node.access.model_dump(), "address": "172.25.254.200"},
        "upload_folder": "nowhere",
        "seconds": 1,
        "console": {"uri": lab.uri, "pool": NAMES.prefix, "volume": NAMES.of(f"{node.name}-console.log")},
    }
    done = operate(stack, "ready", stdin=json.dumps(document))
    assert done.returncode == 1, "a machine that does not answer is not ready"
    assert f"{node.name}: stage 'ready'" in done.stderr, "whoever reads it must know which machine"
    assert f"{node.name} login:" in done.stderr, "what its console showed last says why it does not answer"


def test_leftovers_of_a_killed_run_are_named_and_cleared(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    domain, volume = NAMES.of("orphan"), NAMES.root_volume("orphan")
    xml = f"<domain type='qemu'><name>{domain}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
    (stack.project / "define").write_text(xml)
    lab.virsh("define", str(stack.project / "define"))
    # A data volume, and what somebody put beside it.
    kept = (NAMES.data_volume(9), NAMES.of("node9-data.snap1"))
    for name in (volume, *kept):
        lab.virsh("vol-create-as", NAMES.prefix, name, "1M")

    with pytest.raises(PulumiFailed) as refusal:
        stack.pulumi("preview")
    assert f"make up STACK={STACK}" in str(refusal.value), "a bare `pulumi` must say which command goes on from here"

    state = known(json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"])
    found = leftovers(present(lab.uri, NAMES), state, NAMES)
    assert found == [Thing("domain", domain), Thing("volume", volume)], (
        "exactly what the state does not know is to go, and never a data volume"
    )
    clear(lab.uri, found, NAMES)
    assert foreign(lab.uri, NAMES) == [kept[1]], "whoever takes the stack away has to hear of it"
    for name in kept:
        assert name in lab.virsh("vol-list", NAMES.prefix), "a data volume, or a snapshot of one, may hold records"
        lab.virsh("vol-delete", "--pool", NAMES.prefix, name)
    stack.pulumi("preview", "--expect-no-changes")


def test_a_change_of_what_the_cluster_is_is_refused_at_preview(stack: Stack, first_up: FirstUp) -> None:
    nodes = stack.config()["nodes"]
    moved = [{**node, "address": node["address"].replace(".13", ".14")} for node in nodes]
    try:
        stack.configure(nodes=moved)
        with pytest.raises(PulumiFailed) as refusal:
            stack.pulumi("preview")
    finally:
        stack.configure(nodes=nodes)
    said = str(refusal.value)
    assert "172.25.254.141" in said, "the refusal must say what was asked for"
    assert "instead" in said, "the refusal must say what to do instead"


@pytest.mark.usefixtures("further_on")
def test_what_is_written_on_one_machine_is_read_on_another(kept: str) -> None:
    """By hand, with the tools of the guide and as it says."""
    assert kept, "each line printed what the tutorial says"


def test_a_running_cluster_takes_a_change(stack: Stack, reader: Reader, first_up: FirstUp) -> None:
    reader.do(CHANGE)
    stack.up("--expect-no-changes")


@pytest.mark.usefixtures("further_on")
def test_a_process_that_is_killed_is_started_again(reader: Reader) -> None:
    reader.do(BREAK, 0)


def test_no_record_is_lost_with_the_power_of_a_machine(stack: Stack, reader: Reader, first_up: FirstUp) -> None:
    with traffic(stack.prefix, stack.outputs()["bootstrap_servers"], "power", *SELDOM) as running:
        reader.do(BREAK, 1)
        verdict = running.stop()
    print(f"a machine without power: {verdict}")
    assert not verdict.faults, f"clients are to see nothing but a pause: {verdict}"


@pytest.mark.usefixtures("further_on")
def test_no_record_is_lost_by_a_roll_with_a_slow_disk(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    servers, settings = stack.outputs()["bootstrap_servers"], stack.config()["settings"]
    with (
        traffic(stack.prefix, servers, "slow", *SELDOM) as running,
        slow_disk(lab, "kafka-server3", NAMES.data_volume(3)),
    ):
        before = running.acknowledged()
        stack.configure(settings={**settings, "queued.max.requests": 400})
        said = stack.up()
        wait_for("records beside a slow disk", lambda: further(before, running.acknowledged()), WHOLE_SECONDS)
        verdict = running.stop()
    print(f"a roll with a slow disk: {verdict}")
    assert len(re.findall(r"restarting (\S+) \(\d of 3\)", said)) == 3, "each node is restarted once"
    assert not verdict.faults, f"clients are to see nothing but a pause: {verdict}"


@pytest.mark.usefixtures("further_on")
def test_no_record_is_lost_by_a_roll_in_which_a_machine_loses_its_power(
    lab: Libvirt, stack: Stack, first_up: FirstUp
) -> None:
    servers, settings = stack.outputs()["bootstrap_servers"], stack.config()["settings"]
    with traffic(stack.prefix, servers, "rolled", *SELDOM) as running:
        stack.configure(settings={**settings, "queued.max.requests": 300})
        with up_under_way(stack) as up:
            victim = (
                "kafka-server2" if up.until(r"restarting (\S+) \(1 of 3\)")[1] != "kafka-server2" else "kafka-server1"
            )
            lab.virsh("destroy", NAMES.of(victim))
            up.until("waiting for the cluster to be healthy")
            lab.virsh("start", NAMES.of(victim))
            assert up.end() == 0, f"a roll is to outlast what comes back by itself:\n{up.said[-3000:]}"
        verdict = running.stop()
    print(f"a roll in which {victim} lost its power: {verdict}")
    assert len(re.findall(r"restarting (\S+) \(\d of 3\)", up.said)) == 3, "each node is restarted once"
    assert not verdict.faults, f"clients are to see nothing but a pause: {verdict}"


@contextmanager
def slow_disk(lab: Libvirt, name: str, volume: str) -> Iterator[None]:
    """A machine whose data volume does ten operations a second."""
    disks = (line.split() for line in lab.virsh("domblklist", NAMES.of(name)).splitlines())
    target = next(words[0] for words in disks if words[-1:] and words[-1].endswith(volume))
    command = ("blkdeviotune", NAMES.of(name), target, "--live", "--total-iops-sec")
    lab.virsh(*command, "10")
    try:
        yield
    finally:
        lab.virsh(*command, "0")


def further(before: Mapping[int, int], now: Mapping[int, int]) -> bool:
    """Whether every partition took a good deal more."""
    return all(now[partition] > count + SLOW_RECORDS for partition, count in before.items())


@pytest.mark.usefixtures("further_on")
def test_the_cluster_comes_back_after_the_computers_own_reboot(lab: Libvirt, stack: Stack, kept: str) -> None:
    lab.down()  # ends guests and daemons hard, and takes away all that does not lie on a disk
    lab.up()
    wait_for(
        "all of it runs by itself", lambda: not stopped(lab), SECONDS_TO_AUTOSTART, lambda: f"stopped: {stopped(lab)}"
    )
    whole(stack)  # nobody but libvirt and systemd starts anything
    done = make(lab, stack, "up")
    assert done.returncode == 0, f"{done.stdout[-5000:]}{done.stderr[-3000:]}"
    assert RECORD in consumed(stack, kept), "the record is lost"
    stack.up("--expect-no-changes")


# Network, pool and machines.
ALL = {
    "net-list": {NAMES.prefix},
    "pool-list": {NAMES.prefix},
    "list": {NAMES.of(f"kafka-server{n}") for n in (1, 2, 3)},
}


def stopped(lab: Libvirt) -> set[str]:
    """What of the stack is not active on the hypervisor. Nobody but libvirt starts anything before Pulumi comes."""
    active = {lister: set(lab.virsh(lister, "--name").split()) for lister in ALL}
    return {f"{lister} {name}" for lister, names in ALL.items() for name in names - active[lister]}


def consumed(stack: Stack, topic: str) -> list[str]:
    """The records of a topic, read from outside of the machines: a tool of Kafka's takes half a minute to start on one."""
    return records.read(stack.prefix, stack.outputs()["bootstrap_servers"], topic, RECORD)


def domains(lab: Libvirt) -> dict[str, tuple[str, str]]:
    """Which domain each machine is, and its memory in KiB."""
    found = {}
    for name in ("kafka-server1", "kafka-server2", "kafka-server3"):
        facts = lab.virsh("dominfo", NAMES.of(name)).splitlines()
        words = {line.partition(":")[0]: line.partition(":")[2].split() for line in facts if ":" in line}
        found[name] = words["UUID"][0], words["Max memory"][0]
    return found


@pytest.mark.usefixtures("further_on")
def test_bigger_machines_wait(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    before = domains(lab)
    stack.configure(memory=1600)
    said = stack.up()
    assert domains(lab) == before, "all machines would have been away at the same moment"
    assert "kafka-server1 (memory 1536 => 1600 MiB); kafka-server2" in said, "nobody is to think that it was done"


@pytest.mark.usefixtures("further_on")
def test_a_machine_that_was_deleted_by_hand_is_made_again(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    before = domains(lab)
    with traffic(stack.prefix, stack.outputs()["bootstrap_servers"], "deleted", *SELDOM) as running:
        lab.virsh("destroy", NAMES.of("kafka-server2"))
        lab.virsh("undefine", NAMES.of("kafka-server2"))
        stack.up()
        whole(stack)
        verdict = running.stop()
    print(f"a machine deleted by hand, and made again: {verdict}")
    assert not verdict.faults, f"clients are to see nothing but a pause: {verdict}"
    after = domains(lab)
    assert {name for name in after if after[name] != before[name]} == {"kafka-server2"}
    assert after["kafka-server2"][1] == str(1600 * 1024), "a new machine is made as it is configured"


@pytest.mark.usefixtures("further_on")
def test_machines_are_replaced_one_at_a_time_and_by_a_run_that_is_killed(lab: Libvirt, stack: Stack, kept: str) -> None:
    before = domains(lab)
    servers = stack.outputs()["bootstrap_servers"]
    with traffic(stack.prefix, servers, "replaced", *SELDOM) as running:
        kill_when_a_machine_was_replaced(lab, stack)
        done = make(lab, stack, "machines")
        assert done.returncode == 0, f"{done.stdout[-5000:]}{done.stderr[-3000:]}"
        verdict = running.stop()
    print(f"two machines replaced, one after the other, by two runs: {verdict}")
    after = domains(lab)
    assert {name for name in after if after[name][0] != before[name][0]} == {"kafka-server1", "kafka-server3"}
    assert {memory for _, memory in after.values()} == {str(1600 * 1024)}
    assert verdict.faults == [], f"clients are to see nothing but a pause: {verdict}"
    assert verdict.duplicates == 0, "nothing was to be sent twice"
    whole(stack)
    assert RECORD in consumed(stack, kept), "the record is lost"
    stack.up("--expect-no-changes")


def kill_when_a_machine_was_replaced(lab: Libvirt, stack: Stack) -> None:
    """`make machines`, killed with all it has started when one machine was made anew and is not up yet."""
    before, (command, environment) = domains(lab), made(lab, stack, "machines")
    with (stack.project / "killed").open("w") as output, session(command, environment, output) as running:
        wait_for("a machine that was made anew", lambda: replaced(lab, before), WHOLE_SECONDS)
        assert running.goes_on(), (stack.project / "killed").read_text()[-3000:]


def replaced(lab: Libvirt, before: Mapping[str, tuple[str, str]]) -> bool:
    """Whether a domain is another one than before; none at all is none yet."""
    there = [line.split() for line in lab.virsh("list", "--all", "--uuid", "--name").splitlines() if line.strip()]
    known = {domain for domain, _ in before.values()}
    return any(domain not in known for domain, name in there if name in {NAMES.of(each) for each in before})


@pytest.mark.usefixtures("further_on")
def test_the_computer_is_switched_off_in_order(lab: Libvirt, stack: Stack, kept: str) -> None:
    lab.down(graceful=True)  # fails where a machine does not end by itself
    done = make(lab, stack, "up")
    assert done.returncode == 0, f"{done.stdout[-5000:]}{done.stderr[-3000:]}"
    assert RECORD in consumed(stack, kept), "the record is lost"


@pytest.mark.live
def test_the_other_mode_is_one_key_away(stack: Stack, reader: Reader, kept: str, too_slow: str) -> None:
    there = reader.do(SWITCH, 0)
    behind = re.search(r"topics that stay behind in kraft mode's data: (.*)", there)
    assert behind and kept in re.split(r"[, ]+", behind[1]), f"nobody is to miss {kept} afterwards: {behind}"
    assert re.search(r": healthy; zookeeper cluster .*^ensemble: epoch \d", there, re.MULTILINE | re.DOTALL)
    if not too_slow:
        reader.do(SWITCH, 1)
        assert RECORD in consumed(stack, kept), "a switch must not touch the other mode's data"


def test_a_machine_ends_when_its_hypervisor_asks_it_to(lab: Libvirt, first_up: FirstUp) -> None:
    """As whoever switches the computer off does: a machine that doesn't hear of it loses its power."""
    name = NAMES.of("kafka-server2")
    lab.virsh("shutdown", name)
    wait_for(f"{name} to end", lambda: name not in lab.guests(), WHOLE_SECONDS)


def test_destroy_leaves_nothing_behind_even_with_a_dead_machine(lab: Libvirt, stack: Stack, first_up: FirstUp) -> None:
    lab.virsh("destroy", NAMES.of("kafka-server3"))
    stack.destroy()
    stack.destroy()
    for lister in ("list", "net-list", "pool-list"):
        assert not lab.virsh(lister, "--all", "--name").split(), f"`virsh {lister}` still shows something"
    left = list(lab.namespace.outside(Path(NAMES.pool_path).parent).glob(f"*{NAMES.prefix}*"))
    assert not left, "destroy is to leave no file behind"


def test_the_lab_goes_with_its_last_stack(lab: Libvirt, reader: Reader, too_slow: str) -> None:
    reader.do(DOWN)
    assert not lab.namespace.exists(), "a network that nobody uses any more"
    assert not lab.namespace.kept.exists(), "disks of machines that nobody has any more"
    blocks = reader.blocks
    later = [*blocks[WRITE], *blocks[SWITCH][1:], blocks[BREAK][0]] if too_slow else []
    assert [block for block in reader.left if block not in later] == [], "every line of the tutorial is to be tried"
