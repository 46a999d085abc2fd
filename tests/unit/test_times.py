"""How much longer things may take where machines are emulated."""

from model.times import patience


def test_patience() -> None:
    assert patience(emulated=False) == 1
    assert patience(emulated=True) >= 5, "a broker's start took 150 s emulated, 2.5 s on the processor itself"
