"""How much longer things may take where machines are emulated."""

from model.times import boot_seconds, patience


def test_patience() -> None:
    assert patience(emulated=False) == 1
    assert patience(emulated=True) >= 5, "a broker's start took 150 s emulated, 2.5 s on the processor itself"


def test_a_boot_of_emulated_machines_is_waited_for() -> None:
    assert boot_seconds(patience(emulated=True)) >= 600, (
        "227 s to be reached and 150 s to start Kafka, side by side thrice"
    )
