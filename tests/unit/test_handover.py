"""The document that operations/ is given."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.handover import Access, Handover, Login, NodeFacts
from model.kafka_keys import Mode

from .samples import cluster

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n…\n"


def access(name: str, address: str, **more: Any) -> Access:
    return Access(name=name, address=address, user="admin", host_key="ssh-ed25519 AAAA", private_key=KEY, **more)


def handover(mode: Mode = Mode.KRAFT) -> Handover:
    facts = tuple(
        NodeFacts(
            name=node.name,
            id=node.id,
            address=node.address,
            roles=node.roles,
            fingerprint="f",
            machine="m",
            access=access(node.name, node.address),
        )
        for node in cluster(3, mode).nodes
    )
    return Handover(mode=mode, version="3.6.0", cluster_id="A_D5kj5zTbi2EDTeXHDH3g", patience=5, nodes=facts)


@pytest.mark.parametrize("mode", Mode)
def test_it_comes_back_from_json_as_it_was(mode: Mode) -> None:
    assert Handover.model_validate_json(handover(mode).model_dump_json()) == handover(mode)


@pytest.mark.parametrize("mode", Mode)
def test_it_holds_the_cluster_as_the_model_knows_it(mode: Mode) -> None:
    assert handover(mode).cluster == cluster(3, mode), "decisions on both sides must be about the same cluster"


def test_a_way_through_another_machine_comes_back_too() -> None:
    jump = Login(address="10.0.0.1", user="jump", host_key="ssh-ed25519 BBBB", private_key="other")
    known = access("n1", "10.1.0.1", jump_host=jump)
    assert Access.model_validate_json(known.model_dump_json()) == known


def test_it_tells_jump_hosts_by_the_address_behind_them() -> None:
    jump = Login(address="10.0.0.1", user="jump", host_key="ssh-ed25519 BBBB", private_key="other")
    first, *others = handover().nodes
    behind = first.model_copy(update={"access": access(first.name, first.address, jump_host=jump)})
    assert handover().model_copy(update={"nodes": (behind, *others)}).jump_hosts == {first.address: jump}
    assert handover().jump_hosts == {}


def test_an_unknown_word_is_refused() -> None:
    document = handover().model_dump()
    with pytest.raises(ValidationError, match="extra"):
        Handover.model_validate({**document, "nodez": []})


def test_it_can_not_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        handover().mode = Mode.ZOOKEEPER
