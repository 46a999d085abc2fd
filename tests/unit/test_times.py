"""What is different where machines are emulated: how much longer things may take, and their processor."""

from model.times import boot_seconds, cpu_mode, patience


def test_patience() -> None:
    assert patience(emulated=False) == 1
    assert patience(emulated=True) >= 5, "a broker's start took 150 s emulated, 2.5 s on the processor itself"


def test_a_boot_of_emulated_machines_is_waited_for() -> None:
    assert boot_seconds(patience(emulated=True)) >= 600, (
        "227 s to be reached and 150 s to start Kafka, side by side thrice"
    )


def test_only_the_computers_own_processor_is_handed_on_whole() -> None:
    assert cpu_mode("kvm") == "host-passthrough", "Java picks its instructions by what it finds"
    assert cpu_mode("qemu") == "custom", "each wide register that an emulated processor has makes every switch slower"
