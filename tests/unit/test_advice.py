"""What departs from good practice is said."""

import pytest

from model import advice

from .samples import dev, settings


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
