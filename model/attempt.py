"""Whether the last `up` did all that it began, from the state that it left.

Pulumi keeps what a resource was last brought to, and not what was tried in vain: to take a failed change back would be no
change for it, although some nodes may have the failed one already. Knows what the components leave in the state before
and after the work. Refuses to know what that work is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model import identity, state
from model.kafka_keys import Mode
from model.left import NODE
from model.machine_names import IMAGE_VOLUMES

TOPICS = "kafka-cluster:index:KafkaTopics"
_DOMAIN, _IMAGE = "libvirt:index/domain:Domain", "site-image"
# Tells an `up` that work was left undone where no state says so: outside of Pulumi.
AGAIN = "KAFKA_CLUSTER_AGAIN"


def mark(resources: Iterable[Mapping[str, Any]], now: str, *, told: bool = False) -> str:
    """A text that the resources of a running cluster carry: another one, `now`, when the last `up` left work undone or
    that is told, else the one that they have."""
    resources = list(resources)
    cluster = next(iter(state.of_type(resources, identity.CLUSTER)), None)
    if cluster is None:
        return ""
    earlier: str = state.inputs(cluster).get("again", "")
    return earlier if not told and _is_done(cluster, resources) else now


def mode(resources: Iterable[Mapping[str, Any]]) -> Mode | None:
    """The mode that the last `up` was to end in, whether it did or not; None when there was none."""
    asked = (state.inputs(one).get("mode") for one in state.of_type(resources, identity.CLUSTER))
    return next((Mode(mode) for mode in asked if mode), None)


def image_volume(resources: Iterable[Mapping[str, Any]]) -> str:
    """What the guest image's volume is called: as it is, or by the other name where its upload failed. Pulumi knows that one
    as made, with what went wrong, and takes the part that came for the whole as soon as it has looked at it once more; by
    another name it is made anew. Not where a machine was made of it."""
    resources = list(resources)
    image = next((one for one in resources if state.name(one) == _IMAGE), {})
    usual, other = IMAGE_VOLUMES
    called = other if str(state.inputs(image).get("name", "")).endswith(other) else usual
    if image.get("initErrors") and not state.of_type(resources, _DOMAIN):
        return usual if called == other else other
    return called


def _is_done(cluster: Mapping[str, Any], resources: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what runs, is told and is listed is what was asked for."""
    asked, done = state.inputs(cluster), state.outputs(cluster)
    planned = {state.name(one): state.outputs(one).get("fingerprint") for one in state.of_type(resources, NODE)}
    for topics in state.of_type(resources, TOPICS)[-1:]:
        if state.outputs(topics).get("listed") != state.inputs(topics).get("topics"):
            return False
    return bool(done.get("runs") == planned and done.get("settings") == asked.get("settings"))
