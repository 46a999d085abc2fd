"""Whether an address is free, and what is said when it is not."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from operations import hypervisor


@pytest.mark.parametrize("answers", [True, False], ids=["ssh", "a refused connection"])
def test_a_taken_address_is_told_with_both_ways_out(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    def connect(*_: object, **__: object) -> Any:
        if answers:
            return SimpleNamespace(close=lambda: None)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(hypervisor.Taken) as caught:
        hypervisor.refuse_taken("172.25.254.131")
    told = str(caught.value)
    assert "172.25.254.131" in told
    assert "Take the other one off the network" in told
    assert "while no node was formatted yet, `pulumi destroy` and plan another address" in told, (
        "the earlier `up` has made the nodes a part of what the cluster is, and another address alone is refused"
    )


def test_an_address_that_does_not_answer_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object, **__: object) -> Any:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    hypervisor.refuse_taken("172.25.254.131")
