"""Every path on a machine, said once.

The guide's own paths stand below the Kafka home; what must outlive the machine lies on the data volume and
is reached through links at the guide's places.
"""

from dataclasses import dataclass

from model.kafka_keys import SCALA, Mode


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one Kafka version on a machine."""

    version: str

    data = "/var/lib/kafka"
    owner = "/var/lib/kafka/OWNER.json"
    # systemd derives a mount unit's name from the mount point.
    mount_unit = "var-lib-kafka.mount"
    service_logs = "/var/log/kafka"
    temporary = "/var/cache/kafka"
    ours = "/etc/kafka-cluster"
    packages = "/etc/kafka-cluster/PACKAGES.json"
    staged = "/etc/kafka-cluster/staged"
    fingerprint = "/etc/kafka-cluster/fingerprint"
    running_fingerprint = "/run/kafka/fingerprint"
    mode_file = "/etc/kafka-cluster/mode.env"
    environment = "/etc/kafka-cluster/kafka.env"
    zookeeper_environment = "/etc/kafka-cluster/zookeeper.env"
    log4j = "/etc/kafka-cluster/log4j.properties"
    sysctl = "/etc/sysctl.d/90-kafka-cluster.conf"
    kafka_unit = "/etc/systemd/system/kafka.service"
    zookeeper_unit = "/etc/systemd/system/zookeeper.service"
    starts = "/etc/kafka-cluster/starts.jsonl"
    stale_readers = "/etc/kafka-cluster/misled.json"
    message = "/etc/motd.d/kafka-cluster"
    commands = "/usr/local/bin"
    tool = "/usr/local/lib/kafka-cluster/tool"
    metrics_agent = "/usr/local/lib/kafka-cluster/jmx_prometheus_javaagent-1.0.1.jar"
    metrics_option = "/usr/local/lib/kafka-cluster/agent-option"
    metrics_rules = "/etc/kafka-cluster/metrics.yaml"
    shared_classes = "/usr/local/lib/kafka-cluster/kafka-classes.jsa"
    shared_classes_option = "/usr/local/lib/kafka-cluster/kafka-classes.env"
    node_exporter = "/usr/local/lib/kafka-cluster/prometheus-node-exporter"
    node_exporter_unit = "/etc/systemd/system/kafka-node-exporter.service"
    lock = "/run/lock/kafka-cluster.lock"
    # Relative to the home of the user that logs in: sftp writes as that user.
    # Not where this package keeps its own things: that user may run it there, too, and `destroy` removes the folder.
    upload_folder = ".cache/kafka-cluster-uploads"

    @property
    def release(self) -> str:
        """The archive's name without its ending, and the name of the folder in it."""
        return f"kafka_{SCALA}-{self.version}"

    @property
    def home(self) -> str:
        """Where the archive is unpacked."""
        return f"/usr/local/{self.release}"

    @property
    def links(self) -> dict[str, str]:
        """The guide's places for data, and where on the data volume they lead."""
        return {f"{self.home}/logs": f"{self.data}/logs", f"{self.home}/zookeeper": f"{self.data}/zookeeper"}

    @property
    def zookeeper_data(self) -> str:
        """ZooKeeper's dataDir, the guide's."""
        return f"{self.home}/zookeeper"

    @property
    def zookeeper_properties(self) -> str:
        """ZooKeeper's configuration file, the guide's."""
        return f"{self.home}/config/zookeeper.properties"

    def properties(self, mode: Mode) -> str:
        """The broker's configuration file in a mode, the guide's."""
        folder = "config/kraft" if mode is Mode.KRAFT else "config"
        return f"{self.home}/{folder}/server.properties"

    def log_dir(self, mode: Mode) -> str:
        """The broker's data in a mode. The guide's two modes share a folder and so can't follow each other;
        ZooKeeper mode has one of its own here, beside KRaft's."""
        folder = "kraft-combined-logs" if mode is Mode.KRAFT else "zookeeper-mode-logs"
        return f"{self.home}/logs/{folder}"

    def server_log(self) -> str:
        """The broker's service log."""
        return f"{self.service_logs}/server.log"
