"""The programs in the archive's bin: what they start, with which options, and that a cluster lives by them in both modes.

Knows what Kafka's own programs promise to an operator. Refuses to know whether the archive is official or assembled:
what starts Java for real runs on the cached archive, whichever it is.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archives import archive, assemble

TOOLS = [name for name in assemble.launchers() if not re.search(r"-(start|stop)\.sh|run-class|zookeeper-shell", name)]
NO_ARGUMENTS_IS_FINE = {
    "kafka-producer-perf-test.sh",
    "kafka-verifiable-consumer.sh",
    "kafka-verifiable-producer.sh",
}
DEADLINE = 60.0


class Cage:
    """A process table and a network of their own: a stopper finds only what its test started, ports are always free."""

    def __init__(self) -> None:
        inside = "ip link set lo up && echo ready && exec sleep infinity"
        # setpriv and --kill-child: nothing survives the test run, not even when it is killed.
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--net",
        ]
        self._holder = subprocess.Popen([*command, "sh", "-c", inside], stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        pid = self._holder.pid
        self._first = Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()

    def command(self, *words: str | Path) -> list[str]:
        return ["nsenter", "--target", self._first, "--pid", "--net", "--mount", "--", *map(str, words)]

    def run(self, *words: str | Path, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            input=given,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def processes(self) -> str:
        """Every command line, its words and processes separated by NUL."""
        return self.run("sh", "-c", "cat /proc/[0-9]*/cmdline").stdout

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def cage() -> Iterator[Cage]:
    if os.geteuid() != 0:
        pytest.skip("only root may make namespaces")
    made = Cage()
    yield made
    made.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked archive of the cache."""
    kept = archive.cached()
    if kept is None:
        pytest.skip("no Kafka archive in the cache: run python3 archives/archive.py")
    if shutil.which("java") is None:
        pytest.skip("no java on this computer")
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "--extract", "--gzip", "--file", kept.path, "--directory", folder], check=True)
    return folder / f"kafka_2.13-{kept.version}"


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """Our launchers beside a pretended java that prints what it was started with, one argument a line."""
    for name, text in assemble.launchers().items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    (tmp_path / "libs").mkdir()
    for jar in ("Zoo.jar", "a-2.jar", "a-10.jar", "b_1.jar"):
        (tmp_path / "libs" / jar).touch()
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    java.chmod(0o755)
    return tmp_path


def start(home: Path, program: str, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    clean = {"PATH": os.environ["PATH"], "JAVA_HOME": str(home / "jdk")}
    done = subprocess.run(
        [home / "bin" / program, *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def wait(what: str, holds: Callable[[], bool], evidence: Callable[[], str]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE:.0f} s\n{evidence()}"
        time.sleep(0.1)


def test_a_tool_gets_its_class_arguments_exit_code_and_default_options(rendered: Path) -> None:
    code, words = start(rendered, "kafka-topics.sh", "--create", "--topic", "two words", "")
    assert code == 7
    assert words[words.index("kafka.admin.TopicCommand") :] == [
        "kafka.admin.TopicCommand",
        "--create",
        "--topic",
        "two words",
        "",
    ]
    assert words[0] == "-Xmx256M"
    assert "-XX:+UseG1GC" in words
    assert f"-Dlog4j.configuration=file:{rendered}/config/tools-log4j.properties" in words
    assert f"-Dkafka.logs.dir={rendered}/logs" in words
    assert not [word for word in words if "jmxremote" in word or word.startswith("-Xlog")]
    assert not (rendered / "logs").exists()


@pytest.mark.parametrize(
    ("program", "heap"),
    [
        ("kafka-console-producer.sh", ["-Xmx512M"]),
        ("kafka-producer-perf-test.sh", ["-Xmx512M"]),
        ("kafka-configs.sh", ["-Xmx256M"]),
        ("zookeeper-shell.sh", ["-Xmx256M"]),
        ("kafka-server-start.sh", ["-Xmx1G", "-Xms1G"]),
        ("zookeeper-server-start.sh", ["-Xmx512M", "-Xms512M"]),
    ],
)
def test_the_default_heap_gives_way_to_kafka_heap_opts(rendered: Path, program: str, heap: list[str]) -> None:
    assert start(rendered, program, "x")[1][: len(heap)] == heap
    assert start(rendered, program, "x", KAFKA_HEAP_OPTS="-Xmx9M -Xms9M")[1][:2] == ["-Xmx9M", "-Xms9M"]


def test_every_variable_of_the_environment_reaches_java(rendered: Path) -> None:
    _, words = start(
        rendered,
        "kafka-topics.sh",
        KAFKA_OPTS="-Done=1 -Dtwo=2",
        KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:/own",
        KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseSerialGC",
        KAFKA_GC_LOG_OPTS="-Xlog:gc",
        LOG_DIR=str(rendered / "own logs"),
        CLASSPATH="/own.jar",
        JMX_PORT="9999",
    )
    for word in ("-Done=1", "-Dtwo=2", "-Dlog4j.configuration=file:/own", "-XX:+UseSerialGC", "-Xlog:gc"):
        assert word in words
    assert words[words.index("-cp") + 1].startswith("/own.jar:")
    assert "-Dcom.sun.management.jmxremote.port=9999" in words
    assert "-Dcom.sun.management.jmxremote.rmi.port=9999" in words
    assert "-XX:+UseG1GC" not in words
    assert (rendered / "own logs").is_dir()


def test_the_classpath_is_the_same_sorted_string_from_every_folder_and_link(rendered: Path) -> None:
    expected = ":".join(f"{rendered}/libs/{jar}" for jar in ("Zoo.jar", "a-10.jar", "a-2.jar", "b_1.jar"))
    for name in ("kafka-topics.sh", "kafka-run-class.sh", "kafka-server-start.sh", "zookeeper-shell.sh"):
        link = rendered / "libs" / name
        link.symlink_to(rendered / "bin" / name)
        for program in (f"bin/{name}", f"libs/../bin/{name}", f"libs/{name}"):
            _, words = start(rendered, f"../{program}", "x")
            assert words[words.index("-cp") + 1] == expected


def test_a_server_logs_by_its_own_file_and_keeps_a_gc_log(rendered: Path) -> None:
    _, words = start(rendered, "kafka-server-start.sh", "server.properties", "--override", "broker.id=3")
    assert words[-4:] == ["kafka.Kafka", "server.properties", "--override", "broker.id=3"]
    assert f"-Dlog4j.configuration=file:{rendered}/config/log4j.properties" in words
    assert f"-Xlog:gc*:file={rendered}/logs/kafkaServer-gc.log:time,tags:filecount=10,filesize=100M" in words
    _, words = start(rendered, "kafka-server-start.sh", "server.properties", EXTRA_ARGS="")
    assert not [word for word in words if word.startswith("-Xlog")]
    _, words = start(rendered, "kafka-server-start.sh", "server.properties", EXTRA_ARGS="-name other -loggc")
    assert [word for word in words if "/other-gc.log:" in word]


def test_a_daemon_returns_at_once_and_its_output_goes_to_a_file_of_its_name(rendered: Path) -> None:
    code, words = start(rendered, "zookeeper-server-start.sh", "-daemon", "zookeeper.properties")
    assert (code, words) == (0, [])
    out = rendered / "logs" / "zookeeper.out"
    wait(
        "the daemon's output",
        lambda: out.is_file() and "zookeeper.properties" in out.read_text(),
        out.read_text,
    )
    assert out.read_text().splitlines()[-2:] == [
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        "zookeeper.properties",
    ]


@pytest.mark.parametrize(
    "program",
    ["kafka-server-start.sh", "zookeeper-server-start.sh", "zookeeper-shell.sh", "kafka-run-class.sh"],
)
def test_without_arguments_the_usage_is_said(rendered: Path, program: str) -> None:
    code, lines = start(rendered, program)
    assert code == 1
    assert lines[0].startswith(f"USAGE: {rendered}/bin/{program} ")


def test_missing_jars_are_named(rendered: Path) -> None:
    shutil.rmtree(rendered / "libs")
    assert start(rendered, "kafka-topics.sh") == (1, [f"No jars in {rendered}/libs"])


def test_a_stopper_signals_java_processes_of_its_class_alone(rendered: Path, cage: Cage) -> None:
    shutil.copy("/bin/bash", rendered / "java")

    def waiting(program: Path, class_name: str) -> subprocess.Popen[bytes]:
        words = cage.command(program, "-c", "echo ready; read -r", "waiting", class_name, "server.properties")
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    no_java = waiting(Path("/bin/bash"), "kafka.Kafka")
    other_class = waiting(rendered / "java", "org.kafka.Kafka")
    server = waiting(rendered / "java", "kafka.Kafka")
    assert cage.run(rendered / "bin" / "kafka-server-stop.sh", SIGNAL="USR1").returncode == 0
    assert server.wait(DEADLINE) == -signal.SIGUSR1
    assert cage.run(rendered / "bin" / "kafka-server-stop.sh").stdout == "No kafka server to stop\n"
    assert no_java.poll() is None
    assert other_class.poll() is None


@pytest.mark.parametrize("program", TOOLS)
def test_a_tool_finds_its_class_and_explains_itself(home: Path, program: str) -> None:
    done = subprocess.run([home / "bin" / program, "--help"], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert re.search(r"(?i)usage|option", said), said
    assert done.returncode == 1, said


@pytest.mark.parametrize("program", sorted(NO_ARGUMENTS_IS_FINE))
def test_an_exit_code_of_zero_is_handed_on_too(home: Path, program: str) -> None:
    assert subprocess.run([home / "bin" / program], capture_output=True, check=False).returncode == 0


def configured(home: Path, data: Path, *names: str) -> list[Path]:
    """Copies of shipped config files whose data lies under `data` instead of /tmp."""
    copies = []
    for name in names:
        copy = data / Path(name).name
        copy.write_text((home / "config" / name).read_text().replace("/tmp/", f"{data}/"))
        copies.append(copy)
    return copies


def launch(cage: Cage, home: Path, logs: Path, program: str, config: Path, started: str) -> Path:
    """Start a server as a daemon and wait for the line that says it has started; answers its log."""
    heap = "-Xmx256M -Xms128M -XX:TieredStopAtLevel=1"
    done = cage.run(home / "bin" / program, "-daemon", config, LOG_DIR=str(logs), KAFKA_HEAP_OPTS=heap)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    log = logs / "server.log"
    wait(
        f"{program} says {started!r}",
        lambda: log.is_file() and started in log.read_text(),
        lambda: tail(logs),
    )
    return log


def tail(logs: Path) -> str:
    return "\n".join(
        f"{path.name}: {path.read_text()[-2000:]}" for path in [*logs.glob("*.out"), *logs.glob("server.log")]
    )


def tool(cage: Cage, home: Path, name: str, *arguments: str, given: str = "") -> str:
    done = cage.run(home / "bin" / name, *arguments, given=given, KAFKA_HEAP_OPTS="-Xmx256M -XX:TieredStopAtLevel=1")
    assert done.returncode == 0, f"{name} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def passes_messages(cage: Cage, home: Path) -> None:
    server = ("--bootstrap-server", "localhost:9092")
    tool(cage, home, "kafka-topics.sh", *server, "--create", "--topic", "test", "--partitions", "3")
    tool(cage, home, "kafka-console-producer.sh", *server, "--topic", "test", given="one\ntwo\n")
    beginning = ("--topic", "test", "--from-beginning", "--max-messages", "2", "--timeout-ms", "20000")
    assert sorted(tool(cage, home, "kafka-console-consumer.sh", *server, *beginning).split()) == [
        "one",
        "two",
    ]


def stops(cage: Cage, home: Path, program: str, class_name: str) -> None:
    assert f"\0{class_name}\0" in cage.processes()
    assert cage.run(home / "bin" / program).returncode == 0
    wait(f"{class_name} ends", lambda: f"\0{class_name}\0" not in cage.processes(), cage.processes)
    again = cage.run(home / "bin" / program)
    assert (again.returncode, again.stdout) == (1, f"No {program.split('-')[0]} server to stop\n")


def test_a_kraft_node_lives_by_these_programs(home: Path, cage: Cage, tmp_path: Path) -> None:
    (config,) = configured(home, tmp_path, "kraft/server.properties")
    cluster_id = tool(cage, home, "kafka-storage.sh", "random-uuid").strip()
    formatted = tool(cage, home, "kafka-storage.sh", "format", "-t", cluster_id, "-c", str(config))
    assert f"Formatting {tmp_path}/kraft-combined-logs with metadata.version 3.6-IV2." in formatted
    launch(
        cage,
        home,
        tmp_path / "logs",
        "kafka-server-start.sh",
        config,
        "[KafkaRaftServer nodeId=1] Kafka Server started",
    )
    assert (tmp_path / "logs" / "kafkaServer-gc.log").is_file()
    passes_messages(cage, home)
    status = tool(
        cage, home, "kafka-metadata-quorum.sh", "--bootstrap-server", "localhost:9092", "describe", "--status"
    )
    assert cluster_id in status
    assert re.search(r"LeaderId: +1\n", status)
    stops(cage, home, "kafka-server-stop.sh", "kafka.Kafka")


def test_a_zookeeper_node_lives_by_these_programs(home: Path, cage: Cage, tmp_path: Path) -> None:
    zookeeper, broker = configured(home, tmp_path, "zookeeper.properties", "server.properties")
    launch(cage, home, tmp_path / "zk-logs", "zookeeper-server-start.sh", zookeeper, "binding to port")
    launch(cage, home, tmp_path / "logs", "kafka-server-start.sh", broker, "[KafkaServer id=0] started")
    passes_messages(cage, home)
    assert "[0]" in tool(cage, home, "zookeeper-shell.sh", "localhost:2181", "ls", "/brokers/ids")
    stops(cage, home, "kafka-server-stop.sh", "kafka.Kafka")
    stops(cage, home, "zookeeper-server-stop.sh", "org.apache.zookeeper.server.quorum.QuorumPeerMain")
