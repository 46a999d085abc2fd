"""One Kafka broker on loopback, from the cached archive, with properties of the caller's: whether it starts and takes a record.

Knows how Java is started small, and when a broker serves. Refuses to know which properties ought to be right.
"""

import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from archives import archive
from model.kafka_keys import Mode, replication_defaults
from model.listeners import CLIENTS, CONTROLLERS
from model.properties import render

HEAP_MIB = 256
PATIENCE_SECONDS = 120
CLUSTER_ID = "A_D5kj5zTbi2EDTeXHDH3g"
TOPIC = "taken"
_SMALL = (f"-Xmx{HEAP_MIB}m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_LOG4J = """\
log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%p %m%n
"""
_LAST = 1500
_PORTS = range(15000, 32000)


@dataclass(frozen=True, slots=True)
class Release:
    """A version of Kafka, unpacked."""

    version: str
    folder: Path

    def java(self, program: str, *arguments: object) -> list[str]:
        """The command that runs a class of Kafka's."""
        log4j = f"-Dlog4j.configuration=file:{self.folder}/log4j.properties"
        return ["java", *_SMALL, log4j, "-cp", f"{self.folder}/libs/*", program, *map(str, arguments)]


@contextmanager
def unpacked(version: str) -> Iterator[Release]:
    """The jars of a version's archive, for as long as they are needed."""
    with tempfile.TemporaryDirectory(prefix="kafka-") as folder:
        jars = ("--wildcards", "*.jar")
        subprocess.run(["tar", "-xzf", archive.ensure(version).path, "-C", folder, *jars], check=True)
        (home,) = Path(folder).iterdir()
        (home / "log4j.properties").write_text(_LOG4J)
        yield Release(version, home)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listened at a moment ago, and that the kernel gives to nobody by itself."""
    held: list[socket.socket] = []
    while len(held) < count:
        with suppress(OSError):
            held.append(socket.create_server(("127.0.0.1", random.choice(_PORTS))))
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


@contextmanager
def ensemble(release: Release) -> Iterator[str]:
    """A ZooKeeper of one member, and its address."""
    with tempfile.TemporaryDirectory(prefix="zookeeper-") as folder:
        (port,) = free_ports(1)
        wanted = {"dataDir": folder, "clientPort": str(port), "clientPortAddress": "127.0.0.1", "maxClientCnxns": "0"}
        file = Path(folder) / "zookeeper.properties"
        file.write_text(render({**wanted, "tickTime": "2000", "admin.enableServer": "false"}, "of a test"))
        process = _start(release.java("org.apache.zookeeper.server.quorum.QuorumPeerMain", file), Path(folder) / "log")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            _end(process)


class LoneBroker:
    """A broker with the properties that such a one needs, and others over them. It lives as long as the context."""

    def __init__(self, release: Release, mode: Mode, overrides: Mapping[str, str], zookeeper: str) -> None:
        self._release = release
        self._folder = Path(tempfile.mkdtemp(prefix="broker-"))
        self._log = self._folder / "log"
        self._file = self._folder / "server.properties"
        self._mode = mode
        port, controller_port = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        own = {
            Mode.KRAFT: _kraft(self.address, f"127.0.0.1:{controller_port}"),
            Mode.ZOOKEEPER: _zookeeper(self.address, f"{zookeeper}/{self._folder.name}"),
        }[mode]
        properties = {**own, "log.dirs": str(self._folder / "data"), **replication_defaults(1), **overrides}
        self._file.write_text(render(properties, "of a test"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        format_it = self._release.java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", self._file)
        if self._mode is Mode.KRAFT and _end(_start(format_it, self._log), after=PATIENCE_SECONDS) != 0:
            return self
        self._process = _start(self._release.java("kafka.Kafka", self._file), self._log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            _end(self._process)
        shutil.rmtree(self._folder)

    def fault(self) -> str:
        """Why the broker does not take a record, once that is certain; empty when it took one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        reason = "its port does not open"
        while self._process and self._process.poll() is None:
            if self._listens():
                try:
                    self._give_a_record()
                    return ""
                except (KafkaError, OSError) as error:
                    reason = repr(error)
            if time.monotonic() > deadline:
                return f"it does not serve within {PATIENCE_SECONDS} s: {reason}\n{self._last_words()}"
            time.sleep(0.2)
        return f"it ended:\n{self._last_words()}"

    def _listens(self) -> bool:
        host, _, port = self.address.partition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def _give_a_record(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            admin.create_topics([NewTopic(TOPIC, 1, 1)])
        except TopicAlreadyExistsError:
            pass  # an earlier try got so far
        finally:
            admin.close()
        producer = KafkaProducer(bootstrap_servers=self.address, acks="all", max_block_ms=10_000)
        try:
            producer.send(TOPIC, key=b"key", value=b"value").get(timeout=10)
        finally:
            producer.close(timeout=1)

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-_LAST:]


def _kraft(clients: str, controllers: str) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controllers}",
        "listeners": f"{CLIENTS.name}://{clients},{CONTROLLERS.name}://{controllers}",
        "inter.broker.listener.name": CLIENTS.name,
        "controller.listener.names": CONTROLLERS.name,
        "listener.security.protocol.map": f"{CLIENTS.protocol_map},{CONTROLLERS.protocol_map}",
    }


def _zookeeper(clients: str, connect: str) -> dict[str, str]:
    return {"broker.id": "1", "listeners": f"{CLIENTS.name}://{clients}", "zookeeper.connect": connect}


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as words:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=subprocess.STDOUT)


def _end(process: subprocess.Popen[bytes], after: float = 0) -> int:
    """The exit code, by a kill when the process does not end by itself in time."""
    try:
        return process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
