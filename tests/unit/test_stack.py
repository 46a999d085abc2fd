"""What the verbs of `make` do before Pulumi's own, and what only some of them may."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from computer import host, places, signals
from lab.libvirt import Libvirt
from model.errors import ConfigurationError
from model.leftovers import Thing
from model.protection import NotApplied
from model.settings import Settings
from operations import stack_state
from operations.leftovers import NotCleared
from operations.preflight import Unusable
from toolchain import stack as verbs
from toolchain.stack import Stack

from .samples import dev
from .test_protection import data_volume

ORPHAN = Thing("network", "kafka-cluster+dev")


class Recorded(Stack):
    """A stack that writes down what it was told."""

    def __init__(self, **config: object) -> None:
        super().__init__("dev", Path())
        self.did: list[str] = []
        self._config = config

    def config(self) -> dict[str, object]:
        return self._config

    def pulumi(self, *arguments: str, **_: object) -> str:
        self.did.append(f"pulumi {arguments[0]}")
        return ""

    def uri(self) -> str:
        return "qemu:///system"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded()
    for part in ("prepare", "select", "start_lab"):
        monkeypatch.setattr(verbs, part, lambda _, part=part: recorded.did.append(part))
    monkeypatch.setattr(verbs, "fetch", lambda _: recorded.did.append("fetch"))
    monkeypatch.setattr(stack_state, "resources", lambda _: [])
    monkeypatch.setattr(verbs, "require_libvirt", lambda _: None)
    monkeypatch.setattr(Stack, "protects_data", lambda _: True)
    for finder in ("find", "find_all"):
        monkeypatch.setattr(verbs, finder, lambda *_: [ORPHAN])
    monkeypatch.setattr(verbs, "foreign", lambda *_: [])
    monkeypatch.setattr(verbs, "clear", lambda *_: recorded.did.append("clear"))
    return recorded


class Configured(Stack):
    """A stack with a configuration and a lab that keeps nothing here."""

    def __init__(self, folder: Path, **config: object) -> None:
        super().__init__("dev", folder)
        self._config = config

    def config(self) -> dict[str, object]:
        return self._config


@pytest.fixture
def no_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer with a libvirt of its own and no lab."""
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))
    monkeypatch.delenv("KAFKA_CLUSTER_LAB", raising=False)
    monkeypatch.setattr(host, "system_libvirt", lambda: "qemu:///system")
    monkeypatch.setattr(Libvirt, "is_up", lambda _: False)
    return tmp_path


@pytest.mark.parametrize("config", [{"platform": "hosts"}, {"libvirtUri": "qemu+ssh://hv/system"}])
def test_machines_elsewhere_need_no_lab(
    no_lab: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, object]
) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_LAB", "named")
    monkeypatch.setattr(host, "system_libvirt", lambda: None)
    assert not Configured(no_lab, **config).needs_lab()


def test_a_lab_is_needed_where_there_is_no_other_libvirt(no_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Configured(no_lab).needs_lab()
    monkeypatch.setattr(host, "system_libvirt", lambda: None)
    assert Configured(no_lab).needs_lab()


def test_a_lab_that_is_up_or_kept_something_is_gone_on_with(no_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Configured(no_lab)
    stack.lab.namespace.kept.mkdir(parents=True)
    assert stack.needs_lab(), "its machines would be looked for elsewhere"
    stack.lab.namespace.kept.rmdir()
    monkeypatch.setattr(Libvirt, "is_up", lambda _: True)
    assert stack.needs_lab()


def test_a_lab_that_is_named_is_wanted(no_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_LAB", "named")
    assert Configured(no_lab).needs_lab(), "whatever else the computer has"


def living_at(uri: str) -> list[dict[str, object]]:
    """A state whose machines are on that hypervisor."""
    return [{"type": "pulumi:providers:libvirt", "urn": "a::b::c::site-hypervisor", "inputs": {"uri": uri}}]


@pytest.mark.parametrize("named", ["", "named"])
def test_a_state_whose_machines_live_elsewhere_never_meets_the_lab(
    no_lab: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_LAB", named)
    monkeypatch.setattr(host, "system_libvirt", lambda: None)  # down, or slow this once
    monkeypatch.setattr(stack_state, "resources", lambda _: living_at("qemu:///system"))
    monkeypatch.setattr(Libvirt, "up", lambda _: pytest.fail("a refresh in the lab would empty the state"))
    with pytest.raises(ConfigurationError, match="libvirtUri: got 'qemu:.*socket=.*expected .* qemu:///system"):
        verbs.start_lab(Configured(no_lab))


@pytest.mark.parametrize("known", [[], living_at("qemu:///system?socket=/run/kafka-lab/dev/libvirt-sock")])
def test_a_state_of_the_lab_or_of_none_goes_on(
    no_lab: Path, monkeypatch: pytest.MonkeyPatch, known: list[dict[str, object]]
) -> None:
    monkeypatch.setattr(stack_state, "resources", lambda _: known)
    Configured(no_lab).refuse_another_hypervisor()


def test_a_preview_clears_nothing(stack: Recorded) -> None:
    verbs.preview(stack, [])
    assert stack.did == ["prepare", "pulumi preview"], "it looks only; the program names what is to be cleared"


@pytest.mark.parametrize("verb", [verbs.up, verbs.machines, verbs.destroy])
def test_a_verb_that_finds_what_may_be_somebody_elses_does_nothing(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Stack, list[str]], None]
) -> None:
    def refuse(*_: object) -> list[Thing]:
        raise NotCleared("somebody else's")

    for finder in ("find", "find_all"):
        monkeypatch.setattr(verbs, finder, refuse)
    with pytest.raises(NotCleared):
        verb(stack, [])
    assert not {"clear", "pulumi up", "pulumi destroy"} & set(stack.did)


@pytest.mark.parametrize("verb", [verbs.up, verbs.machines, verbs.destroy])
def test_a_dead_hypervisor_is_told_by_its_key(
    monkeypatch: pytest.MonkeyPatch, verb: Callable[[Stack, list[str]], None]
) -> None:
    limits: list[float] = []

    def dead(command: list[str], *, timeout: float = 0, **_: object) -> "subprocess.CompletedProcess[str]":
        limits.append(timeout)
        raise subprocess.TimeoutExpired(command, timeout)

    for part in ("prepare", "select", "start_lab"):
        monkeypatch.setattr(verbs, part, lambda _: None)
    monkeypatch.setattr(subprocess, "run", dead)
    with pytest.raises(Unusable, match="libvirtUri: got 'qemu:///system'; expected .*no answer .*; for example"):
        verb(Recorded(), [])
    assert len(limits) == 1, "it is asked once"
    assert 0 < limits[0] < 60, "and not waited for"


@pytest.mark.parametrize(
    ("config", "state", "protected"),
    [
        ({}, [], True),
        ({"protectData": "true"}, [], True),
        ({"protectData": "false"}, [], False),
        ({"protectData": "false"}, [{"protect": True}], True),
        ({"protectData": "false"}, [{"protect": False}, {}], False),
    ],
    ids=["by default", "by configuration", "no more", "until the next up", "after it"],
)
def test_data_is_protected(
    no_lab: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, object],
    state: list[dict[str, object]],
    protected: bool,
) -> None:
    monkeypatch.setattr(stack_state, "resources", lambda _: state)
    assert Configured(no_lab, **config).protects_data() is protected


@pytest.mark.parametrize(
    ("config", "protect", "goes"),
    [
        ({"protectData": "true"}, False, False),
        ({}, False, False),
        ({"protectData": "true"}, True, True),  # the engine itself refuses
        ({"protectData": "false"}, False, True),
    ],
    ids=["no up applied it", "nor the default", "applied", "may go"],
)
def test_no_data_goes_while_it_is_to_be_protected(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch, config: dict[str, object], protect: bool, goes: bool
) -> None:
    asked = Recorded(**config)
    for part in ("select", "start_lab"):
        monkeypatch.setattr(verbs, part, lambda _: None)
    monkeypatch.setattr(verbs, "clear", lambda *_: asked.did.append("clear"))
    monkeypatch.setattr(Libvirt, "is_up", lambda _: False)
    monkeypatch.setattr(stack_state, "resources", lambda _: [data_volume(protect)])
    if goes:
        verbs.destroy(asked, [])
    else:
        with pytest.raises(
            NotApplied, match="kafka-cluster.dev.node1-data.qcow2.*`pulumi up` first.*protectData false"
        ):
            verbs.destroy(asked, [])
    assert asked.did == (["clear", "pulumi destroy"] if goes else []), "README: nothing is taken away while it is true"


def test_a_destroy_brings_nothing_here_and_judges_nothing(stack: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "settings", lambda _: pytest.fail("whatever it says: Pulumi runs no program"))
    monkeypatch.setattr(Libvirt, "is_up", lambda _: False)
    verbs.destroy(stack, [])
    assert stack.did == ["select", "start_lab", "clear", "pulumi destroy"], "the archive may not be reached any more"


# Of stack `spare`, whose pool was undefined by hand, as docs/reference/messages.md says for a state that is lost.
SPARE = "kafka-cluster+spare/kafka-cluster+spare+node1-data"


@pytest.mark.parametrize(
    ("pools", "files", "stays_for"),
    [
        ("", [], ""),
        ("", ["kafka-cluster+spare/kafka-cluster+spare+kafka-server1-root.qcow2"], ""),
        ("", [f"{SPARE}.qcow2"], f"{SPARE}.qcow2"),
        ("", [f"{SPARE}.snap1"], f"{SPARE}.snap1"),
        ("", ["qemu/domain-1-kafka-cluster+lifecy/master-key.aes"], ""),
        ("kafka-cluster+spare", [f"{SPARE}.qcow2"], "the lab stays up for kafka-cluster+spare"),
    ],
)
def test_the_lab_stays_while_somebodys_records_lie_in_it(
    no_lab: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pools: str,
    files: list[str],
    stays_for: str,
) -> None:
    lab = Libvirt("dev")
    for file in (lab.namespace.outside(Path("/var/lib/libvirt", name)) for name in files):
        file.parent.mkdir(parents=True)
        file.touch()
    ended: list[bool] = []
    monkeypatch.setattr(Libvirt, "virsh", lambda _, lister, *__: pools if lister == "pool-list" else "")
    monkeypatch.setattr(Libvirt, "down", lambda _, delete: ended.append(delete))
    verbs.end_lab(lab)
    said = capsys.readouterr().out
    assert ended == ([] if stays_for else [True]), "its folder, and with it another stack's records, would be deleted"
    assert stays_for in said, "whoever wants the lab away has to know for whom it stays"


@pytest.mark.parametrize("verb", [verbs.destroy, verbs.clear_only])
def test_files_that_keep_the_pool_from_going_are_named(
    stack: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: Callable[[Stack, list[str]], None],
) -> None:
    monkeypatch.setattr(verbs, "foreign", lambda *_: ["kafka-cluster+dev+node1-data.snap1"])
    monkeypatch.setattr(Libvirt, "is_up", lambda _: False)
    verb(stack, [])
    assert "kafka-cluster+dev+node1-data.snap1" in capsys.readouterr().out, "libvirt itself names no file"


@pytest.mark.parametrize(("key", "value"), [("kafkaVersion", "3.7.0"), ("metrics", "true"), ("memory", "much")])
def test_a_faulty_configuration_is_told_before_anything_is_begun(
    no_lab: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    stack = Configured(no_lab, nodes=[{"name": "a", "id": 1, "address": "172.25.254.131"}], **{key: value})
    begun: list[str] = []
    for part in ("select", "start_lab", "fetch"):
        monkeypatch.setattr(verbs, part, lambda _, part=part: begun.append(part))
    with pytest.raises(ConfigurationError, match=f"{key}: got '{value}'; expected .* for example"):
        verbs.prepare(stack)
    assert begun == ["select"], "a lab, or an archive that can't be had, is not what is wrong"


def test_the_configuration_is_the_projects_own(stack: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"kafka-cluster:mode": {"value": "kraft"}, "pulumi:tags": {"value": "a"}, "aws:region": {"value": "b"}}
    monkeypatch.setattr(stack, "pulumi", lambda *_, **__: json.dumps(shown))
    assert Stack.config(stack) == {"mode": "kraft"}, "keys of others are no misspelt ones of ours"


def test_what_pulumi_did_not_change_is_waited_for_patiently(stack: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        asked.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(signals, "run", run)
    with pytest.raises(verbs.VerbFailed):
        verbs.up(stack, [])
    assert asked == [["kafka-cluster", "status", "--stack", "dev", "--wait"]], (
        "a number would be too small for some boot"
    )


class Interrupted(Exception):
    """The verb was killed here."""


class Resized(Recorded):
    """A cluster of which one machine waits, whose nodes are stopped and started, and where a kill may come."""

    def __init__(self, killed_at: str) -> None:
        super().__init__()
        self.killed_at = killed_at
        self.waits, self.is_stopped = True, False

    def reached(self, place: str) -> None:
        if self.killed_at == place:
            self.killed_at = ""
            raise Interrupted

    def settings(self) -> Settings:
        return dev()

    def waiting(self) -> dict[str, str]:
        return {"n1": "memory 1 => 2 MiB"} if self.waits else {}

    def was_up(self) -> bool:
        return True

    def pulumi(self, *arguments: str, **more: object) -> str:
        told = str(more.get("environment", ""))
        if "KAFKA_CLUSTER_REPLACE" in told:
            self.reached("before the new machine")
            self.waits = False
            self.reached("before it runs")
        if told:
            self.is_stopped = False  # to Pulumi itself it is no difference
        return ""


@pytest.fixture
def resized(stack: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Resized]:
    def at(place: str) -> Resized:
        found = Resized(place)

        def release(*_: object) -> str:
            found.is_stopped = True
            found.reached("when it was stopped")
            return "n1"

        def whole(_: Stack) -> None:
            if found.is_stopped:
                raise verbs.VerbFailed("n1 is down")

        monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))
        monkeypatch.setattr(verbs, "_released", release)
        monkeypatch.setattr(verbs, "_whole", whole)
        return found

    return at


PLACES = ("when it was stopped", "before the new machine", "before it runs")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("taken_back", [False, True])
def test_a_node_that_a_killed_run_stopped_is_started(
    resized: Callable[[str], Resized], place: str, taken_back: bool
) -> None:
    cluster = resized(place)
    with pytest.raises(Interrupted):
        verbs.machines(cluster, [])
    if taken_back:
        cluster.waits = False
    verbs.machines(cluster, [])
    assert not cluster.is_stopped, "no later `up` would see a difference, and every one would be green"
    assert not list((places.home() / "locks").iterdir()), "the next run has nothing to mend"


@pytest.mark.parametrize("verb", [verbs.up, verbs.machines])
def test_machines_that_were_switched_on_with_the_lab_are_waited_for(
    resized: Callable[[str], Resized], monkeypatch: pytest.MonkeyPatch, verb: Callable[[Stack, list[str]], None]
) -> None:
    cluster = resized("")
    there = cluster.names.of("kafka-server1")
    asked: list[list[str]] = []

    def answers(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        asked.append(command)
        return subprocess.CompletedProcess(command, 0 if len(asked) > 2 else 255)

    monkeypatch.setattr(verbs, "prepare", lambda _: True)
    monkeypatch.setattr(Libvirt, "virsh", lambda *_: f"{there}\nsomebody-elses\n")
    monkeypatch.setattr(Libvirt, "is_up", lambda _: False)
    monkeypatch.setattr(subprocess, "run", answers)
    verb(cluster, [])
    assert asked == [["kafka-cluster", "ssh", "--stack", "dev", "kafka-server1", "true"]] * 3, (
        "a stage gives up long before an emulated machine has booted; a machine that is gone is Pulumi's to make"
    )


def test_a_machine_that_does_not_come_keeps_pulumi_from_nothing(
    resized: Callable[[str], Resized], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = resized("")
    monkeypatch.setattr(Libvirt, "virsh", lambda *_: cluster.names.of("kafka-server1"))
    monkeypatch.setattr(verbs, "_answers", lambda *_: False)
    monkeypatch.setattr(verbs, "_BOOT_SECONDS", 0)
    verbs.meet_machines(cluster)
    assert "kafka-server1 to answer: not so after 0 s" in capsys.readouterr().out, "what is wrong with it Pulumi tells"


def test_no_node_is_stopped_for_machines_that_could_not_hold_the_heap(
    resized: Callable[[str], Resized], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = resized("")
    domain = {"type": "x", "urn": "urn::kafka-server2-domain", "inputs": {"memory": 1536}}
    monkeypatch.setattr(stack_state, "resources", lambda _: [domain])
    monkeypatch.setattr(cluster, "settings", lambda: dev(memory=4096, heap="2G"))
    with pytest.raises(ConfigurationError, match="heap: got '2G'"):
        verbs.machines(cluster, [])
    assert not cluster.is_stopped, "the `up` that follows would be refused, with a node down"


def test_a_cluster_that_is_not_whole_is_told_although_no_machine_waits(resized: Callable[[str], Resized]) -> None:
    cluster = resized("")
    cluster.waits, cluster.is_stopped = False, True
    with pytest.raises(verbs.VerbFailed, match="n1 is down"):
        verbs.machines(cluster, [])
