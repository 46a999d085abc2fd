"""What works but departs from good practice, said on every preview and `up`."""

import re

from model.kafka_keys import replication_defaults
from model.settings import NetworkMode, Platform, Settings
from model.topic_rules import MIN_ISR, Surroundings

_UNCLEAN = "unclean.leader.election.enable"
# A libvirt URI that names a computer.
_ELSEWHERE = re.compile(r"[\w+]+://(?:[^@/?]*@)?(?!localhost\b|127\.|\[::1\])[^@/?]+")


def warnings(settings: Settings) -> list[str]:
    """A sentence for each."""
    return [
        *_of_transactions(settings),
        *_of_unclean_elections(settings),
        *_of_encryption(settings),
        *_of_topics(settings),
        *_of_the_way(settings),
        *_of_the_end(settings),
    ]


def _of_the_end(settings: Settings) -> list[str]:
    if settings.delete_data:
        return ["deleteData is true: `pulumi destroy` deletes the nodes' data without asking again"]
    if settings.platform is Platform.LIBVIRT and not settings.protect_data:
        return ["protectData is false: `pulumi destroy` deletes the data volumes without asking again"]
    return []


def _of_unclean_elections(settings: Settings) -> list[str]:
    topics = [(f"topic {topic.name}: ", topic.settings) for topic in settings.topics if topic.is_wanted]
    return [
        f"{whose}{_UNCLEAN} is true: acknowledged records may be lost, whenever a replica that lacks them comes to lead"
        for whose, said in [("", settings.settings), *topics]
        if said.get(_UNCLEAN, "").strip(" ").lower() == "true"
    ]


def _of_encryption(settings: Settings) -> list[str]:
    idle = sorted(key for key in settings.settings if key.startswith(("ssl.", "sasl.")))
    return [f"settings {', '.join(idle)}: no listener uses them: all are PLAINTEXT"] if idle else []


def _of_the_way(settings: Settings) -> list[str]:
    if settings.platform is not Platform.LIBVIRT or settings.network_mode is NetworkMode.BRIDGE:
        return []
    if not _ELSEWHERE.match(settings.libvirt_uri):
        return []
    return [
        f"libvirtUri is on another computer, and networkMode {settings.network_mode} makes a network that is reached from"
        " there only: run Pulumi there, or let the machines join one that is reached from here (networkMode: bridge)"
    ]


def _of_transactions(settings: Settings) -> list[str]:
    brokers = len(settings.brokers)
    wanted = {**replication_defaults(brokers, settings.settings), **settings.settings}
    factor = wanted["transaction.state.log.replication.factor"]
    if brokers == 1 or wanted["transaction.state.log.min.isr"] != factor:
        return []
    if factor == "1":
        return [
            "transaction.state.log.replication.factor is 1: a transactional producer stops whenever the one broker with its"
            " transactions is away, also during a rolling restart"
        ]
    return [
        f"transaction.state.log.min.isr is {factor}, as many as there are replicas: transactional producers stop"
        " whenever one broker is away, also during a rolling restart (the package's default is"
        f" {int(factor) - 1})"
    ]


def _of_topics(settings: Settings) -> list[str]:
    brokers = len(settings.brokers)
    around = Surroundings(settings.kafka_version, brokers, settings.settings)
    found = []
    for topic in settings.topics:
        factor = topic.factor(brokers)
        if not topic.is_wanted or brokers == 1:
            continue
        if factor == 1:
            found.append(
                f"topic {topic.name} has one replica: it is unavailable while its broker is down, also during a rolling restart, and"
                " lost with that broker's disk"
            )
        elif around.number(topic, MIN_ISR) == factor:
            found.append(
                f"topic {topic.name} has min.insync.replicas {factor}, as many as there are replicas: producers that wait for"
                " all of them stop whenever one broker is away, also during a rolling restart"
            )
    return found
