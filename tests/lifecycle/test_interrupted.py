"""A run that is killed while libvirt makes something, once for each kind of thing: what `make` does about it.

No machine is waited for here; `tests/lifecycle/test_virtual_machines.py` is about machines that run.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from computer import places
from computer.commands import CommandFailed
from computer.waiting import wait_for
from lab.libvirt import Libvirt
from model import pending_replacement
from model.leftovers import Thing, known
from model.machine_names import MachineNames
from operations.leftovers import present
from tests.support.session import Session, session
from tests.support.stack import Stack
from tests.support.under_way import up_under_way
from tests.support.virtual import libvirt_of_its_own, stack_inside
from tests.unit.samples import dev_config
from toolchain import programs

pytestmark = pytest.mark.lifecycle

STACK = "interrupted"
NAMES = MachineNames("kafka-cluster", STACK)
# Pulumi's types, and what libvirt calls a thing of that type.
KINDS = {
    "network:Network": "network",
    "pool:Pool": "pool",
    "volume:Volume": "volume",
    "cloudInitDisk:CloudInitDisk": "volume",
    "domain:Domain": "domain",
}
SECONDS_TO_BEGIN = 120
# Whoever is let go while its plugin still makes a thing may hear of it the moment it is there. A plugin that has used no
# processor for so long was not asked; on a busy computer one that was takes longer than that.
SECONDS_OF_IDLENESS = 3.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Libvirt]:
    with libvirt_of_its_own("test-cut") as lab:
        yield lab


@pytest.fixture(scope="module")
def stack(lab: Libvirt, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """One machine is enough to have a thing of each kind."""
    config = dev_config()
    config |= {"nodes": config["nodes"][:1], "settings": {}}
    made = stack_inside(lab, tmp_path_factory.mktemp("stack"), STACK, config)
    # A plugin that is killed while it writes a first-boot disk leaves the folder that it writes in.
    return made.with_environment(TMPDIR=str(tmp_path_factory.mktemp("plugins")))


def make(stack: Stack, verb: str) -> subprocess.CompletedProcess[str]:
    """What `make VERB` runs after the set-up."""
    command = [*stack.prefix, sys.executable, "-m", "toolchain.stack", verb, "--stack", STACK]
    environment = {**(stack.environment or {}), "PYTHONPATH": str(places.CHECKOUT)}
    return subprocess.run(
        [*command, "--project", str(stack.project)],
        cwd=places.CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
    )


def bare(stack: Stack, verb: str) -> subprocess.CompletedProcess[str]:
    """Pulumi's own verb, as it is typed in a prepared shell."""
    command = [*stack.prefix, str(places.CHECKOUT / "toolchain/shims/pulumi"), "--non-interactive", verb]
    mine = {"KAFKA_CLUSTER_PROGRAMS": str(programs.bin_dir()), "PYTHONPATH": str(places.CHECKOUT)}
    return subprocess.run(
        [*command, "--yes", "--stack", STACK],
        cwd=stack.project,
        env={**(stack.environment or {}), **mine},
        capture_output=True,
        text=True,
    )


@contextmanager
def killed_when_it_is_made(lab: Libvirt, stack: Stack, kind: str, before: list[Thing]) -> Iterator[None]:
    """An `up` whose engine is killed when libvirt has made such a thing, and before it has heard of that. Its plugins are
    still at work in the context, and over with it."""
    events = stack.project / f"events-{kind.partition(':')[0]}.json"
    events.unlink(missing_ok=True)  # an earlier run's
    command = ["pulumi", "--non-interactive", "--cwd", str(stack.project), "up", "--yes", "--skip-preview"]
    command = [*stack.prefix, *command, "--stack", STACK, "--event-log", str(events)]
    printed = stack.project / "printed"
    with printed.open("w") as output, session(command, stack.environment, output) as running:
        begun = wait_for_creation(events, f"libvirt:index/{kind}", running)
        assert begun, f"the run ended before it made a {kind}:\n{printed.read_text()[-3000:]}"
        hold_until_made(
            running, lambda: any(is_of(kind, thing) for thing in set(present(lab.uri, NAMES)) - set(before))
        )
        running.kill_alone()
        yield


def hold_until_made(running: Session, made: Callable[[], bool]) -> None:
    """Lets the engine go on for moments only: long enough to ask its plugin, and too short to hear what was made."""
    deadline = time.monotonic() + SECONDS_TO_BEGIN
    running.hold()
    while not soon(running, made):
        assert time.monotonic() < deadline, "its plugin made nothing"
        running.let_go()
        time.sleep(0.02)
        running.hold()


def soon(running: Session, made: Callable[[], bool]) -> bool:
    """Whether it is so before the plugins have nothing more to do."""
    used, since = running.ticks(), time.monotonic()
    deadline = since + SECONDS_TO_BEGIN
    while not made():
        if (now := running.ticks()) != used:
            used, since = now, time.monotonic()
        if time.monotonic() > min(deadline, since + SECONDS_OF_IDLENESS):
            return False
        time.sleep(0.05)
    return True


def is_of(kind: str, thing: Thing) -> bool:
    return thing.kind == KINDS[kind] and (thing.name.endswith(".iso") or "Disk" not in kind)


def wait_for_creation(events: Path, resource_type: str, running: Session) -> bool:
    """Whether the creation began before the run ended."""
    deadline = time.monotonic() + SECONDS_TO_BEGIN
    while time.monotonic() < deadline and running.goes_on():
        if events.exists() and any(is_creation(line, resource_type) for line in events.read_text().splitlines()):
            return True
        time.sleep(0.02)
    return False


def is_creation(line: str, resource_type: str) -> bool:
    try:
        metadata = json.loads(line).get("resourcePreEvent", {}).get("metadata", {})
    except ValueError:
        return False  # a line that is being written
    is_made = metadata and metadata.get("op") in ("create", "create-replacement")
    return bool(is_made) and metadata.get("type") == resource_type


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.partition(":")[0])
def test_make_goes_on_after_a_run_that_was_killed(lab: Libvirt, stack: Stack, kind: str) -> None:
    before = present(lab.uri, NAMES)
    with killed_when_it_is_made(lab, stack, kind, before):
        refused = bare(stack, "up")
        make(stack, "preview")  # ends what of the killed run is still at work
    assert refused.returncode != 0
    assert f"make up STACK={STACK}" in refused.stderr, "`pulumi cancel` alone leaves the orphan in the way"
    left = present(lab.uri, NAMES)
    assert orphans(stack, kind, before, left), (
        "with nothing left behind, nothing would be cleared, and whoever only looks must not clear anything"
    )
    # No machine is up yet that could wait to be replaced: this verb clears what is in the way, and nothing else.
    for verb in "machines", "preview":
        done = make(stack, verb)
        assert done.returncode == 0, (
            f"a killed run must not be in the way of {verb}:\n{done.stdout[-3000:]}{done.stderr}"
        )
    data = [[thing for thing in things if is_data(thing)] for things in (left, present(lab.uri, NAMES))]
    assert data[0] == data[1], "a data volume may hold records and is never cleared"


def orphans(stack: Stack, kind: str, before: list[Thing], now: list[Thing]) -> set[Thing]:
    """The things of that kind that are new and that the state does not know. A data volume may be among them."""
    new = set(now) - set(before) - known(stack.resources())
    return {thing for thing in new if is_of(kind, thing)}


def is_data(thing: Thing) -> bool:
    return NAMES.is_data_volume(thing.name)


def test_another_state_takes_nothing_away(lab: Libvirt, stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    another = stack.with_environment(PULUMI_BACKEND_URL=(tmp_path / "state").as_uri())
    there = present(lab.uri, NAMES)
    assert there, "nothing that could be taken away would make this test blind"
    for verb in "up", "machines", "destroy":
        done = make(another, verb)
        assert done.returncode != 0
        assert all(str(thing) in done.stderr for thing in there if not is_data(thing)), (
            "what stands there is to be named"
        )
    assert present(lab.uri, NAMES) == there, "a state that did not make it must not take it away"


def test_a_pool_that_is_written_into_is_looked_into_afterwards(lab: Libvirt, stack: Stack) -> None:
    """As by what a killed run has left to its plugin: libvirt refuses to look into the pool meanwhile."""
    source, copy = (f"{NAMES.prefix}+{name}" for name in ("source", "copy"))
    # Nothing is on it, and all of it is read.
    lab.virsh("vol-create-as", NAMES.prefix, source, "3G", "--allocation", "0")
    with session(["virsh", "--connect", lab.uri, "vol-clone", source, copy, "--pool", NAMES.prefix]) as copying:
        wait_for("the copying is seen", lambda: is_written_into(lab) or not copying.goes_on(), SECONDS_TO_BEGIN)
        assert copying.goes_on(), f"a copy that is over would make this test blind: {copying.output.read()}"
        assert Thing("volume", copy) in present(lab.uri, NAMES), "an error would end a verb"
        assert copying.wait() == 0, copying.output.read()
    for made in source, copy:
        lab.virsh("vol-delete", "--pool", NAMES.prefix, made)


def is_written_into(lab: Libvirt) -> bool:
    try:
        lab.virsh("pool-refresh", NAMES.prefix)
    except CommandFailed as refused:
        assert "asynchronous jobs" in str(refused)
        return True
    return False


def test_make_goes_on_after_a_replacement_that_was_killed(lab: Libvirt, stack: Stack) -> None:
    """A machine is deleted before the next one is made, and stays in the state until that one is there."""
    with up_under_way(stack) as up:
        up.until("kafka-server1-ready creating")  # so the machine is made, and known
        up.kill()
    domain = Thing("domain", NAMES.of("kafka-server1"))
    make(stack, "preview")
    assert domain in known(stack.resources())
    stack.configure(memory=1600)
    replacing = stack.with_environment(**{pending_replacement.CHOSEN: "kafka-server1"})
    others = [thing for thing in present(lab.uri, NAMES) if thing != domain]
    with killed_when_it_is_made(lab, replacing, "domain:Domain", others):
        assert f"make up STACK={STACK}" in bare(stack, "up").stderr
        make(stack, "preview")  # ends what of the killed run is still at work
    assert domain in present(lab.uri, NAMES), "with nothing left behind, nothing would be cleared"
    done = make(stack, "clear")
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr}"
    assert domain not in present(lab.uri, NAMES), "libvirt would refuse to make the machine that is to come"


def test_a_bare_destroy_works_after_a_killed_run(lab: Libvirt, stack: Stack) -> None:
    stack.configure(protectData=False)
    with killed_when_it_is_made(lab, stack, "domain:Domain", present(lab.uri, NAMES)):
        pass
    done = bare(stack, "destroy")
    assert done.returncode == 0, f"a killed run must not be in the way:\n{done.stdout[-3000:]}{done.stderr}"
    assert not [thing for thing in present(lab.uri, NAMES) if not is_data(thing)]


def test_destroy_after_a_killed_run_leaves_nothing(lab: Libvirt, stack: Stack) -> None:
    with killed_when_it_is_made(lab, stack, "volume:Volume", present(lab.uri, NAMES)):
        make(stack, "preview")  # ends what of the killed run is still at work
    # As a run leaves it that is killed while its first data volume is made.
    lab.virsh("vol-create-as", NAMES.prefix, NAMES.data_volume(2), "1M")
    stack.configure(protectData=True)
    kept = make(stack, "destroy")
    assert NAMES.data_volume(2) in kept.stderr, "what keeps the stack from going is to be named"
    assert Thing("volume", NAMES.data_volume(2)) in present(lab.uri, NAMES), "it is protected, and may hold records"
    stack.configure(protectData=False)
    done = make(stack, "destroy")
    assert done.returncode == 0, f"destroy must work after a killed run:\n{done.stdout[-3000:]}{done.stderr}"
    assert not lab.is_up(), "the lab is to end with the last machine"
    assert not lab.namespace.kept.exists(), "no file of the lab is to stay"
