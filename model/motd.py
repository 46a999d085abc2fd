"""What a person finds on a node: the message of the day, and Kafka's own tools by their names.

Knows their words. Refuses to know how they get onto a machine.
"""

from model import jvm
from model.kafka_keys import Mode
from model.topology import Cluster, Node

# Not for a person's hands on a node whose processes systemd keeps: what starts a second one or ends them all.
NOT_FOR_HANDS = ("kafka-run-class.sh", "kafka-server-start.sh", "kafka-server-stop.sh")


def roles(cluster: Cluster, node: Node) -> str:
    """What a node does in the cluster's mode."""
    if cluster.mode is Mode.ZOOKEEPER:
        return "broker and ZooKeeper member"
    return " and ".join(node.roles)


def message(cluster: Cluster, node: Node, stack: str) -> str:
    """Whose machine this is, and where to look."""
    paths = cluster.paths
    server = (node if node.is_broker else cluster.brokers[0]).clients
    units = " ".join(unit.removesuffix(".service") for unit in cluster.services())
    return f"""
  {node.name} ({node.address}): node {node.id}, {roles(cluster, node)}
  of the Kafka cluster {stack}, {len(cluster.nodes)} nodes, {cluster.mode} mode, Kafka {cluster.version}

  its services       systemctl status {units}
  its service log    sudo tail -f {paths.server_log()}
  its starts         tail -n 3 {paths.starts}
  its configuration  sudo less {paths.properties(cluster.mode)}
  Kafka's tools      kafka-topics.sh --bootstrap-server {server} --describe
  the whole cluster  kafka-cluster status, on the computer that runs Pulumi

  The next `pulumi up` overwrites what is changed here by hand.

"""


def tool(cluster: Cluster) -> str:
    """The program that every one of Kafka's tools is called through: by its own name, with the heap of a tool and not
    of a server, and with a place for what it logs."""
    return f"""\
#!/bin/sh
# Written by kafka-cluster. Runs the tool of Kafka by whose name it was called.
export KAFKA_HEAP_OPTS="${{KAFKA_HEAP_OPTS:--Xmx192M}}"
export KAFKA_JVM_PERFORMANCE_OPTS="${{KAFKA_JVM_PERFORMANCE_OPTS:-{jvm.TOOL_OPTIONS}}}"
shared={cluster.paths.shared_classes_option}
if [ -z "$KAFKA_OPTS" ] && [ -r "$shared" ]; then . "$shared"; fi
export KAFKA_OPTS
export LOG_DIR="${{LOG_DIR:-${{TMPDIR:-/tmp}}}}"
exec "{cluster.paths.home}/bin/${{0##*/}}" "$@"
"""
