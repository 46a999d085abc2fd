"""Key pairs and the cluster's id: made once, kept in the state."""

import json
from dataclasses import dataclass

from pulumi import Output, Resource

from components.hand import operate


@dataclass(frozen=True)
class KeyPair:
    """An ssh key pair; the private half is secret."""

    private: Output[str]
    public: Output[str]


def key_pair(name: str, parent: Resource) -> KeyPair:
    """A pair of its own for whatever `name` says."""
    made = operate(name, f"keys {name}", parent=parent, once=True, secret=True).stdout.apply(
        lambda text: json.loads(text)[name]
    )
    return KeyPair(made.apply(lambda pair: pair["private"]), Output.unsecret(made.apply(lambda pair: pair["public"])))


def cluster_id(wanted: str, parent: Resource) -> Output[str]:
    """The configured id, or one that is made once."""
    if wanted:
        return Output.from_input(wanted)
    return operate("cluster-id", "cluster-id", parent=parent, once=True).stdout.apply(str.strip)
