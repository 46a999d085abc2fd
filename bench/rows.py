"""The rows of the results: their keys, what each says, and what each has to reach.

Pure. Refuses to know how a row is measured (the campaigns do).
"""

from dataclasses import dataclass

from bench.figures import Limit


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it says, and what its median has to reach; None where it is only to be known."""

    says: str
    limit: Limit | None


ROWS = {
    "first_up_vs_hand": Row("first up, beside a hand-written parallel ssh script", Limit(1.25)),
    "first_up_vs_ansible": Row("first up, beside an Ansible play", Limit(0.7)),
    "noop_vs_hand": Row("up with nothing to do, beside a script that only looks", None),
    "noop_vs_ansible": Row("up with nothing to do, beside the same play again", Limit(0.3)),
    "roll_vs_bare": Row("roll of a static change, beside three bare restarts", Limit(1.3)),
    "roll_vs_play": Row("the same roll, beside a serial Ansible play", None),
    "roll_stall_vs_bare": Row("longest producer stall in a roll, beside one bare restart", Limit(1.2)),
    "roll_stall_vs_three_bare": Row(
        "longest producer stall in a roll, beside the longest of three bare restarts", None
    ),
    "roll_stall_vs_play": Row("longest producer stall in a roll, beside a serial Ansible play", None),
    "roll_stall_short_backoff": Row("longest producer stall in a roll, replica.fetch.backoff.ms 100 beside 1000", None),
    "dynamic_vs_cli": Row("a dynamic change, beside kafka-configs.sh as Kafka ships it", Limit(2)),
    "dynamic_vs_our_cli": Row("the same change, beside kafka-configs.sh with our measures", None),
    "switch_vs_hand": Row("switch of modes, beside a hand-written script", Limit(1.4)),
    "growth_vs_hand": Row("first up for 3 to 9 machines, the largest ratio to the hand script", Limit(1.25)),
    "vm_up_vs_boot": Row("first up on virtual machines, beside bare boots and the hand script", Limit(1.15)),
    "throughput_vs_hand": Row("throughput and latency, beside the cluster set up by hand", Limit(0.95, at_least=True)),
    "throughput_with_metrics": Row("throughput and latency, with metrics beside without", Limit(0.95, at_least=True)),
    "jvm_start_vs_plain": Row("broker start and a tool, beside the same without our measures", Limit(0.7)),
    "memory_mb": Row("peak memory on the operator's side during up, in MB", Limit(500)),
    "setup_s": Row("set-up from empty caches, in seconds; Debian's packages and Maven's files are there", None),
}
