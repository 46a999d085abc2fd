"""What departs from good practice is said."""

from typing import Any

import pytest

from model import advice

from .samples import dev, nodes, settings


def about(words: str, found: list[str]) -> list[str]:
    return [sentence for sentence in found if words in sentence]


def test_the_guides_min_isr_is_warned_of_with_what_it_costs() -> None:
    (sentence,) = about("transaction.state.log.min.isr", advice.warnings(dev()))
    assert "transactional producers stop" in sentence
    assert "default is 2" in sentence


def test_the_packages_own_defaults_need_no_warning() -> None:
    assert advice.warnings(settings()) == []


def test_a_single_node_is_not_warned_of_what_it_can_not_have() -> None:
    assert not about("min.isr", advice.warnings(settings(1)))


def test_one_copy_of_transactions_on_several_brokers_is_warned_of() -> None:
    chosen = settings(settings={"transaction.state.log.replication.factor": "1"})
    (sentence,) = advice.warnings(chosen)
    assert "transaction.state.log.replication.factor is 1" in sentence


@pytest.mark.parametrize("protect", [True, False])
def test_unprotected_data_is_said(protect: bool) -> None:
    assert bool(about("protectData", advice.warnings(settings(protectData=protect)))) is not protect


@pytest.mark.parametrize("delete", [True, False])
def test_on_hosts_the_key_that_decides_is_the_one_that_is_said(delete: bool) -> None:
    login = {"user": "a", "privateKeyFile": "key", "hostKey": "ssh-ed25519 AAAA"}
    hosts: dict[str, Any] = {"platform": "hosts", "nodes": [{**node, **login} for node in nodes(3)]}
    found = advice.warnings(settings(**hosts, protectData=False, deleteData=delete))
    assert found == ["deleteData is true: `pulumi destroy` deletes the nodes' data without asking again"] * delete


def test_elections_that_lose_records_are_said_wherever_they_are_asked_for() -> None:
    unclean = {"unclean.leader.election.enable": "TRUE"}
    topics = [{"name": name, "partitions": 1, "settings": kept} for name, kept in (("orders", unclean), ("plain", {}))]
    said = "unclean.leader.election.enable is true: acknowledged records may be lost"
    everywhere, one = about(said, advice.warnings(settings(settings=unclean, topics=topics)))
    assert everywhere.startswith("unclean")
    assert one.startswith("topic orders: unclean")
    assert not about(said, advice.warnings(settings(settings={"unclean.leader.election.enable": "false"})))


def test_settings_of_listeners_that_are_not_there_are_said() -> None:
    idle = {"ssl.client.auth": "required", "sasl.enabled.mechanisms": "PLAIN", "num.io.threads": "4"}
    assert advice.warnings(settings(settings=idle)) == [
        "settings sasl.enabled.mechanisms, ssl.client.auth: no listener uses them: all are PLAINTEXT"
    ]
