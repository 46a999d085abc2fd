"""What a stage is told, and that neither a hostile text nor a cut connection makes it do something else."""

import ast
import fcntl
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import files
from model import stages, topology
from model.files import node_files
from model.kafka_keys import Mode
from model.metrics import NODE_EXPORTER
from model.paths import Paths
from model.stages import NodePlan

from .samples import ROOT, cluster, dev, runtime

PARTS = [
    ("java", "packages", "volume", "tools", "shared_classes", "pieces", "installed"),
    ("identity", "activation", "configured"),
    ("volume", "identity", "shared_classes", "activation", "formatted"),
    ("identity", "emptied"),
    ("held",),
    ("account", "report"),
    ("account", "vitals"),
    ("activation", "start"),
    ("activation", "join"),
    ("java", "fit"),
    ("claimed",),
    ("packages", "tools", "removed"),
    ("java", "account", "packages", "tools", "drift"),
]
EVERY = pytest.mark.parametrize("parts", PARTS, ids="+".join)
CLUSTER_ID = "A_D5kj5zTbi2EDTeXHDH3g"


def plan(mode: Mode = Mode.KRAFT, number: int = 2, device: str = "/dev/disk/by-id/wwn-0x1", **more: Any) -> NodePlan:
    planned = topology.plan(dev(mode=mode))
    node = planned.nodes[number - 1]
    found = node_files(planned, node, runtime(**more), files.text)
    return NodePlan(planned, node, "kafka-cluster/dev", "admin", device, False, "", found)


# -- the command -----------------------------------------------------------------------------------------------


def test_a_stage_that_does_not_get_its_turn_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Paths, "lock", str(tmp_path / "lock"))
    words = shlex.split(stages.command(lock_seconds=1))
    waits = words[words.index("-c") + 1].replace("python3 -", f"touch {tmp_path}/run")
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(["sh", "-c", waits, "sh"], capture_output=True, text=True)
    assert not (tmp_path / "run").exists()
    assert done.returncode == 75
    assert "of at most 1 s" in done.stderr
    assert done.stderr.endswith("another stage still runs on this machine; nothing was done on it\n")
    subprocess.run(["sh", "-c", waits, "sh"], check=True)
    assert (tmp_path / "run").exists()


@given(st.lists(st.text(max_size=8), max_size=3), st.text(min_size=1, max_size=12))
def test_nothing_breaks_out_of_the_command(arguments: list[str], machine: str) -> None:
    words = shlex.split(stages.command(*arguments, machine=machine), posix=True)
    assert words[0] == f"MACHINE={machine}", "the machine's id is part of the text, and of nothing else"
    assert words[1:] == shlex.split(stages.command()) + arguments


def test_the_command_runs_as_root_one_at_a_time_and_not_for_ever() -> None:
    words = shlex.split(stages.command("first"))
    assert words[:2] == ["sudo", "-n"], "a question for a password would wait for ever"
    assert words[2:4] == ["sh", "-c"]
    assert f" {Paths.lock} timeout " in words[4], "a killed `pulumi` leaves the script running"
    assert 'python3 - "$@"' in words[4]
    assert words[5:] == ["sh", "first"]


def test_another_machine_is_another_text() -> None:
    one, other = (stages.command("first", machine=machine) for machine in ("a", "b"))
    assert one != other, "a rebuilt machine with the same address would stay empty"


# -- the program -----------------------------------------------------------------------------------------------

HOSTILE = [
    "'); import os; os.system('reboot') #",
    '"""',
    "\\",
    "\n\nreboot()\n",
    "\u2028",
    "'''\nx",
    "\x00",
    "{}",
    "é😀",
]
TEXTS = st.text(max_size=20) | st.sampled_from(HOSTILE)


def last_call(text: str) -> tuple[ast.Module, ast.Call]:
    tree = ast.parse(text)
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert isinstance(last.value, ast.Call)
    return tree, last.value


@settings(max_examples=30)
@given(st.dictionaries(TEXTS, TEXTS, max_size=3), TEXTS)
def test_no_plan_breaks_out_of_the_program(names: dict[str, str], text: str) -> None:
    wanted = {"node": text, "names": names, "list": [text]}
    program = stages.program(files.text, ("report",), wanted)
    tree, call = last_call(program)
    plain, _ = last_call(stages.program(files.text, ("report",), {}))
    assert len(tree.body) == len(plain.body), "whatever the plan says, it adds no statement"
    assert ast.unparse(call.func) == "call"
    main, loads = call.args
    assert ast.unparse(main) == "main"
    assert isinstance(loads, ast.Call)
    assert ast.unparse(loads.func) == "json.loads"
    (literal,) = loads.args
    assert json.loads(ast.literal_eval(literal)) == wanted, "the machine is told what was meant"


@given(TEXTS)
def test_the_plan_stands_on_the_last_line_alone(text: str) -> None:
    program = stages.program(files.text, ("report",), {"node": text})
    assert program.endswith("\n")
    line = program.rstrip("\n").rsplit("\n", 1)[1]
    assert line.startswith("call(main, json.loads(")
    assert last_call(line)[0].body[0].lineno == 1


LITERAL = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.expr_context)


def has_effect(statement: ast.stmt) -> bool:
    """Whether a statement at module level does more than giving something a name."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return False
    if isinstance(statement, ast.FunctionDef):
        defaults = [*statement.args.defaults, *(d for d in statement.args.kw_defaults if d)]
        return bool(statement.decorator_list) or not all(isinstance(d, ast.Constant) for d in defaults)
    if isinstance(statement, ast.ClassDef):
        inner = [s for s in statement.body if not isinstance(s, ast.Pass)]
        return bool(statement.decorator_list) or any(has_effect(s) for s in inner)
    if isinstance(statement, ast.Assign):
        return not all(isinstance(part, LITERAL) for part in ast.walk(statement.value))
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


@EVERY
def test_a_program_cut_off_before_its_last_line_does_nothing(parts: tuple[str, ...]) -> None:
    tree, _ = last_call(stages.program(files.text, parts, {"node": "n1"}))
    guilty = [ast.unparse(s) for s in tree.body[:-1] if has_effect(s)]
    assert not guilty, "whatever has arrived until the connection broke would be run"
    names = [s.name for s in tree.body if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names)), "one part would silently replace what another one means"
    assert {"main", "call"} <= set(names)


def test_what_two_programs_do_stands_in_one_piece() -> None:
    pieces = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "files/stages").glob("*.py"))]
    texts = [ast.unparse(s) for piece in pieces for s in piece.body if isinstance(s, ast.FunctionDef)]
    assert {text for text in texts if texts.count(text) > 1} == set(), "a copy is mended in one of its places"


@pytest.mark.parametrize("harmful", ["run('x')", "X = run('x')", "if True:\n    run('x')", "def f(a=run('x')): pass",
                                     "class A:\n    run('x')", "@run\ndef f(): pass"])  # fmt: skip
def test_the_search_for_effects_finds_some(harmful: str) -> None:
    assert any(has_effect(statement) for statement in ast.parse(harmful).body)


def test_a_last_line_cut_off_at_any_byte_calls_nothing() -> None:
    program = stages.program(files.text, ("identity", "formatted"), stages.formatted(plan(), CLUSTER_ID))
    line = program.rstrip("\n").rsplit("\n", 1)[1]
    for length in range(len(line)):
        try:
            tree = ast.parse(line[:length])
        except SyntaxError:
            continue
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Call)], line[:length]


@EVERY
def test_a_program_is_understood_by_the_pythons_that_machines_have(parts: tuple[str, ...]) -> None:
    program = stages.program(files.text, parts, {"node": "n1"})
    tree = ast.parse(program, feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    standard = {"grp", "hashlib", "json", "os", "pwd", "shutil", "subprocess", "sys", "tempfile", "pathlib", "re",
                "time", "traceback", "calendar", "gzip", "shlex", "concurrent.futures", "contextlib", "signal", "socket"}  # fmt: skip
    assert imported <= standard, "a machine has Python's own library and nothing else"


@EVERY
def test_no_program_ever_asks_a_shell(parts: tuple[str, ...]) -> None:
    tree = ast.parse(stages.program(files.text, parts, {"node": "n1"}))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        assert not [k for k in call.keywords if k.arg == "shell"], ast.unparse(call)
        assert ast.unparse(call.func) not in ("os.system", "os.popen", "subprocess.getoutput", "eval", "exec")
        first = call.args[0] if call.args else None
        if ast.unparse(call.func) in ("run", "succeeds") and isinstance(first, ast.Constant):
            assert first.value not in ("sh", "bash", "/bin/sh"), ast.unparse(call)


@EVERY
def test_no_program_sleeps_or_asks_the_network(parts: tuple[str, ...]) -> None:
    program = stages.program(files.text, parts, {"node": "n1"})
    assert "sleep" not in program
    assert "urllib" not in program


# -- the plans -------------------------------------------------------------------------------------------------


def test_every_plan_says_whose_and_which_it_is() -> None:
    told = {
        "installed": stages.installed(plan(), "s", "u"),
        "configured": stages.configured(plan(), CLUSTER_ID),
        "formatted": stages.formatted(plan(), CLUSTER_ID),
        "emptied": stages.emptied(plan(), CLUSTER_ID),
        "report": stages.report(cluster(), cluster().nodes[1]),
        "running": stages.start(cluster(), cluster().nodes[1], why="w", before="b", after="a", restart=False),
        "fit": stages.fit(cluster(), cluster().nodes[1], ""),
        "claimed": claimed(),
        "removed": removed(),
    }
    for stage, found in told.items():
        assert found["stage"] == stage, "a message names the stage"
        assert found["node"] in ("kafka-server2", "n2")
        assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, sort_keys=True))


def test_the_plan_of_installed() -> None:
    found = stages.installed(plan(), "5" * 128, ".cache/kafka-cluster/a.tgz")
    assert found["sha512"] == "5" * 128
    assert found["home"] == "/usr/local/kafka_2.13-3.6.0"
    assert found["users"] == ["kafka", "zookeeper"]
    assert found["owner"] == {"stack": "kafka-cluster/dev", "node_id": 2}, "the volume says whose it is"
    assert found["device"] == "/dev/disk/by-id/wwn-0x1"
    assert found["hosts"] == {
        "kafka-server1": "172.25.254.131",
        "kafka-server2": "172.25.254.132",
        "kafka-server3": "172.25.254.133",
    }
    assert int(found["kernel"]["vm.max_map_count"]) >= 262144, "every log segment maps two files"
    assert int(found["kernel"]["vm.swappiness"]) <= 1
    assert all(target.startswith("/var/lib/kafka/") for target in found["links"].values())
    made = stages.formatted(plan(), CLUSTER_ID)["folders"]
    assert set(found["links"].values()) <= set(made), "a link to a folder that nobody makes"
    assert not [folder for folder in found["folders"] if folder.startswith("/var/lib/kafka")], (
        "what lies on an empty volume's mount point keeps it from being mounted"
    )


@pytest.mark.parametrize("device", ["", "/dev/sdb"])
def test_both_stages_know_the_same_volume(device: str) -> None:
    found, made = stages.installed(plan(device=device), "s", "u"), stages.formatted(plan(device=device), CLUSTER_ID)
    same = ("device", "mount_unit", "owner", "owner_file", "data", "accept_empty", "modes")
    assert {key: found[key] for key in same} == {key: made[key] for key in same}
    assert (made["device"], made["mounted"]) == (device, bool(device))


@pytest.mark.parametrize(
    ("mode", "services", "idle"),
    [
        (Mode.KRAFT, ("kafka.service",), ["zookeeper.service", NODE_EXPORTER]),
        (Mode.ZOOKEEPER, ("zookeeper.service", "kafka.service"), [NODE_EXPORTER]),
    ],
)
def test_the_plan_of_configured(mode: Mode, services: tuple[str, ...], idle: list[str]) -> None:
    told = plan(mode)
    found = stages.configured(told, CLUSTER_ID)
    assert found["services"] == services
    assert found["idle_services"] == idle, "the other mode's service must not come up with the machine"
    assert found["fingerprint"] == told.fingerprint
    assert [file["path"] for file in found["files"]] == [file.path for file in told.files]
    assert all(set(file) == {"path", "content", "owner", "group", "mode", "sha256"} for file in found["files"])


def test_the_plan_of_formatted_in_kraft_is_the_guides_command() -> None:
    found = stages.formatted(plan(), CLUSTER_ID)
    home = "/usr/local/kafka_2.13-3.6.0"
    config = f"/etc/kafka-cluster/staged{home}/config/kraft/server.properties"
    assert found["format_command"] == [f"{home}/bin/kafka-storage.sh", "format", "-t", CLUSTER_ID, "-c", config]
    assert found["identity_file"] == f"{home}/logs/kraft-combined-logs/meta.properties"
    assert found["identity"] == {"cluster.id": CLUSTER_ID, "node.id": "2"}
    assert "--ignore-formatted" not in found["format_command"], "it would pass over another cluster's disk"
    assert config in {f"/etc/kafka-cluster/staged{file.path}" for file in plan().files}


def test_the_plan_of_formatted_in_zookeeper_mode_is_the_members_number() -> None:
    found = stages.formatted(plan(Mode.ZOOKEEPER), CLUSTER_ID)
    assert found["identity_file"] == "/usr/local/kafka_2.13-3.6.0/zookeeper/myid"
    broker = "/usr/local/kafka_2.13-3.6.0/logs/zookeeper-mode-logs/meta.properties"
    assert found["brokers_own"] == {broker: {"broker.id": found["identity"]["myid"]}}
    assert found["identity"] == {"myid": "2"}
    assert found["begin"] is None, (
        "the ensemble draws the cluster's id, and `running` refuses a stranger's before a start"
    )


def test_what_a_node_begins_with_stays_the_same_whatever_is_configured() -> None:
    one, other = (stages.formatted(plan(heap=heap), CLUSTER_ID) for heap in ("512M", "600M"))
    assert one["begin"]
    assert one == other, "each change would seem to format three nodes in the preview"


@pytest.mark.parametrize(("device", "mounted"), [("/dev/x", True), ("", False)])
def test_data_is_on_a_volume_where_there_is_a_device(device: str, mounted: bool) -> None:
    assert stages.formatted(plan(device=device), CLUSTER_ID)["mounted"] is mounted


def test_the_fingerprint_of_a_plan_is_that_of_its_files() -> None:
    assert plan().fingerprint != plan(heap="600M").fingerprint
    assert plan().fingerprint == plan(device="").fingerprint, "the files say themselves whether data is mounted"


@pytest.mark.parametrize("mode", Mode)
def test_the_plan_of_a_start(mode: Mode) -> None:
    planned = cluster(3, mode)
    found = stages.start(planned, planned.nodes[0], why="it was down", before="old", after="new", restart=True)
    assert (found["why"], found["from"], found["fingerprint"], found["restart"]) == ("it was down", "old", "new", True)
    for note in "misled", "running_fingerprint":
        assert found[note] == stages.configured(plan(mode), CLUSTER_ID)[note], "what one stage notes the other reads"


def test_what_is_started_beside_kafka_has_its_reason_kept_with_kafkas() -> None:
    planned = cluster(3, Mode.ZOOKEEPER)
    started = stages.start(planned, planned.nodes[0], why="it was down", before="", after="f", restart=False)
    for found in (
        stages.join(planned, planned.nodes[0]),
        stages.configured(plan(Mode.ZOOKEEPER), CLUSTER_ID)["beside"],
    ):
        assert (found["why"], found["starts"]) == ("it was down", started["starts"])


def test_every_file_that_a_zookeeper_is_started_with_is_known() -> None:
    told = plan(Mode.ZOOKEEPER)
    read = set(stages.configured(told, CLUSTER_ID)["read_by"]["zookeeper.service"])
    kafkas = {"kafka.service", "kafka.env", "mode.env", "server.properties", "kafka-cluster"}
    assert {file.path for file in told.files if file.path.rpartition("/")[2] not in kafkas} <= read


def claimed() -> dict[str, Any]:
    planned = cluster()
    return stages.claimed(planned, planned.nodes[1], stack="kafka-cluster/dev", login="a")


def removed(*, delete_data: bool = False) -> dict[str, Any]:
    return stages.removed(cluster(), claimed(), device="", delete_data=delete_data)


def test_a_claimed_machine_is_given_back_whole() -> None:
    found, told = removed(), stages.installed(plan(), "s", "u")
    assert found["owner"] == told["owner"], "the claim and the volume name the same node"
    assert set(found["users"]) == set(told["users"])
    assert set(found["kernel"]) == set(told["kernel"])
    assert {told["sysctl"], told["home"], "/var/log/kafka"} <= set(found["paths"])
    assert set(found["services"]) == {"kafka.service", "zookeeper.service", NODE_EXPORTER}, "whatever the mode was"
    assert set(found["data_folders"]) == set(told["links"].values())
    assert found["upload_folder"].split("/")[0] == ".cache", "what `ready` made and the archive was brought to"
    kept = [path for path in found["paths"] if path.startswith(found["data"])]
    assert not kept, "data is removed on request only, and never as one of the paths"


def test_the_plan_of_a_report() -> None:
    found = stages.report(cluster(), cluster().nodes[0])
    assert found["log"] == "/var/log/kafka/server.log"
    assert found["mode_file"] == "/etc/kafka-cluster/mode.env"
    assert found["running_fingerprint"] == "/run/kafka/fingerprint"
    assert found["zookeeper_identity"].endswith("/logs/zookeeper-mode-logs/meta.properties")
    assert found["other_log_dir"].endswith("/logs/zookeeper-mode-logs"), "those of its own mode don't stay behind"


def test_what_a_process_writes_whenever_it_starts() -> None:
    zookeeper = cluster(mode=Mode.ZOOKEEPER)
    node = zookeeper.nodes[0]
    found = stages.report(zookeeper, node)
    assert found["written_at_start"] == {
        "path": found["zookeeper_identity"],
        "config": zookeeper.paths.properties(Mode.ZOOKEEPER),
        "address": node.address,
        "port": 9092,
    }
    assert stages.report(cluster(), node)["written_at_start"] is None, "KRaft's identity is written once"


@settings(max_examples=15)
@given(TEXTS, TEXTS)
def test_overrides_and_heap_reach_no_command(value: str, heap: str) -> None:
    plain, told = plan(), plan(overrides={"some.key": value}, heap=heap)
    assert stages.installed(told, "s", "u") == stages.installed(plain, "s", "u")
    assert stages.formatted(told, CLUSTER_ID) == stages.formatted(plain, CLUSTER_ID), "it holds the one command line"


@given(TEXTS)
def test_a_programs_plan_can_be_read_back(text: str) -> None:
    """Drift is told against what the stages were told, which lies in the state as their programs."""
    assert stages.plan_of(stages.program(files.text, ("report",), {"node": text})) == {"node": text}
