"""What is different where machines are emulated: how much longer things may take, and their processor."""

from model.times import answer_seconds, boot_seconds, cpu_mode, patience, question_ms


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


def test_a_busy_emulated_machine_is_heard_by_whoever_waits() -> None:
    slow = patience(emulated=True)
    shown, awaited = (answer_seconds(slow, jumps=False, waits=waits) for waits in (False, True))
    assert awaited >= 4 * shown, "a whole cluster with clients at work was never seen to be whole"
    assert awaited * 4 < boot_seconds(slow), "one look must not be all that there is time for"


def test_nobody_at_native_speed_is_waited_for_longer() -> None:
    assert answer_seconds(1, jumps=False, waits=True) == answer_seconds(1, jumps=False, waits=False) < 3
    assert answer_seconds(1, jumps=True, waits=False) > 2 * answer_seconds(1, jumps=False, waits=False)
    for jumps in (False, True):
        answer = answer_seconds(1, jumps=jumps, waits=False)
        assert question_ms(jumps=jumps) / 1000 < answer, "a broker that does not answer would cost those that do"
