"""Machines that somebody else made: refused before they are touched, taken, and given back with their data.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from computer.waiting import wait_for
from tests.lifecycle import records
from tests.support.machines import Ground, away, ground, hosts_config, on, refused
from tests.support.operate import wait_until_whole

pytestmark = pytest.mark.lifecycle

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
FIRST, SECOND, THIRD = NODES
HOME = "/usr/local/kafka_2.13-3.6.0"
SECONDS = 90.0
MAIN_PID = "systemctl show --value --property MainPID kafka.service"
CLASSES = "/usr/local/lib/kafka-cluster/kafka-classes.jsa"
META = "/var/lib/kafka/logs/kraft-combined-logs/meta.properties"
DISK = "/dev/disk/by-id/kafka-lab-data"
MOUNT = f"sudo mkdir -p /var/lib/kafka && sudo mount {DISK} /var/lib/kafka"
UNMOUNT = "sudo umount /var/lib/kafka && sudo rmdir /var/lib/kafka"
# What says that there is a file system, gone and back.
BLANK = (
    f"sudo dd if={DISK} of=/root/kept bs=1M count=1 status=none"
    f" && sudo dd if=/dev/zero of={DISK} bs=1M count=1 conv=fsync status=none"
)
NO_LONGER_BLANK = f"sudo dd if=/root/kept of={DISK} conv=fsync status=none && sudo rm /root/kept"
# Where this package puts things. Logs and caches of the system itself change by themselves.
LISTING = (
    "sudo sh -c 'find /etc /usr/local /var/lib /home /opt -xdev | sort; ls /var/log; cat /etc/hosts /etc/passwd"
    " /etc/group; cat /proc/sys/vm/swappiness /proc/sys/vm/max_map_count; findmnt --mountpoint /var/lib/kafka;"
    " dpkg-query --show; true'"
)
# A machine reaches no mirror, so its Java is packed up as its package, and that is all that its package source has.
JAVA_PACKED_UP = r"""
set -eu
name=openjdk-17-jre-headless source=/opt/packages
packed=$(mktemp -d)
mkdir -p "$packed/DEBIAN" "$source"
dpkg-query --listfiles "$name" | tail -n +2 | tar -C / --no-recursion -cf - -T - 2>/dev/null | tar -xf - -C "$packed"
for part in conffiles postinst postrm preinst prerm; do
  for file in /var/lib/dpkg/info/"$name":*."$part"; do
    [ ! -f "$file" ] || cp "$file" "$packed/DEBIAN/$part"
  done
done
format='Package: ${Package}\nVersion: ${Version}\nArchitecture: ${Architecture}\nMaintainer: ${Maintainer}\nDepends: ${Depends}\nDescription: Java\n'
dpkg-query --showformat="$format" --show "$name" >"$packed/DEBIAN/control"
dpkg-deb -Znone --root-owner-group --build "$packed" "$source/java.deb"
sum=$(sha256sum "$source/java.deb")
{
  cat "$packed/DEBIAN/control"
  printf 'Filename: ./java.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s "$source/java.deb")" "${sum%% *}"
} >"$source/Packages"
rm -r "$packed"
rm -f /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$source ./" >/etc/apt/sources.list
apt-get -qq update
"""
TAKE_JAVA, GIVE_JAVA = (
    f"sudo {command} openjdk-17-jre-headless" for command in ("dpkg --purge --force-depends", "apt-get -qq install")
)
# Where packages have their units.
FOREIGN = "/lib/systemd/system/kafka-node-exporter.service"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them."""
    folder = tmp_path_factory.mktemp("stack")
    with ground(f"hosts-{os.getpid()}", folder, config={"heap": "256M"}) as made:
        on(made, SECOND, f"sudo bash -s <<'END'\n{JAVA_PACKED_UP}\nEND")
        on(made, SECOND, f"{TAKE_JAVA} && {GIVE_JAVA}")
        yield made


@pytest.fixture(scope="module")
def untouched(ours: Ground) -> dict[str, list[str]]:
    """What the machines look like before anything is done on them."""
    return listings(ours)


def listings(ground: Ground) -> dict[str, list[str]]:
    return {name: on(ground, name, LISTING).splitlines() for name in NODES}


def changes(ground: Ground, before: dict[str, list[str]], names: Sequence[str] = NODES) -> list[str]:
    """Lines that machines say more or less than before."""
    after = listings(ground)
    found = [(name, unified_diff(before[name], after[name], n=0, lineterm="")) for name in names]
    return [f"{name}: {line}" for name, lines in found for line in lines]


def shadow(name: str, script: str) -> tuple[str, str]:
    """Commands that put a program before the system's own, and that take it away again."""
    path = f"/usr/local/bin/{name}"
    made = f"printf '#!/bin/sh\\n{script}\\n' | /usr/bin/sudo tee {path} >/dev/null; /usr/bin/sudo chmod 755 {path}"
    return made, f"/usr/bin/sudo rm {path}"


BREAKAGES = {
    # So far ahead that a slow answer changes nothing of what is said.
    "clock": (FIRST, *shadow("date", 'exec /usr/bin/date -d "59 seconds" "$@"')),
    "sudo": (SECOND, *shadow("sudo", 'echo "sudo: a password is required" >&2; exit 1')),
    "python": (SECOND, *shadow("python3", 'echo "3.8.10 (default)" >&2; exit 1')),
    "port": (
        FIRST,
        "sudo systemd-run --quiet --unit=squatter /usr/bin/python3 -m http.server 9092",
        "sudo systemctl stop squatter",
    ),
    "system": (
        THIRD,
        "sudo rm /etc/os-release; printf 'ID=debian\\nVERSION_ID=11\\nPRETTY_NAME=\"Debian 11\"\\n'"
        " | sudo tee /etc/os-release",
        "sudo ln -sf ../usr/lib/os-release /etc/os-release",
    ),
    "program": (
        THIRD,
        "sudo mv /usr/sbin/mkfs.xfs /usr/sbin/mkfs.xfs.away",
        "sudo mv /usr/sbin/mkfs.xfs.away /usr/sbin/mkfs.xfs",
    ),
    "unit": (
        SECOND,
        f"printf '[Service]\\nExecStart=/bin/true\\n' | sudo tee {FOREIGN} && sudo systemctl daemon-reload",
        f"sudo rm {FOREIGN} && sudo systemctl daemon-reload",
    ),
    "kafka": (THIRD, f"sudo mkdir {HOME}", f"sudo rmdir {HOME}"),
}


@contextmanager
def broken(ground: Ground, *kinds: str) -> Iterator[None]:
    """Machines with something wrong for a while."""
    with ExitStack() as mended:
        for kind in kinds:
            name, wrong, mending = BREAKAGES[kind]
            mended.callback(on, ground, name, mending)
            on(ground, name, wrong)
        yield


def test_what_is_wrong_anywhere_is_told_before_anything_is_touched(
    ours: Ground, untouched: dict[str, list[str]]
) -> None:
    ours.stack.configure(heap="512G")
    with broken(ours, "clock", "sudo", "python", "system", "kafka"):
        said = refused(ours)
    ours.stack.configure(heap="256M")
    for words in (
        f"{FIRST}: found a clock that is 5",
        f"{SECOND}: found no sudo that asks for no password",
        f"{SECOND}: found no python3 of 3.9 or newer",
        f"{THIRD}: found Debian 11, expected Debian 12",
        f"{THIRD}: found {HOME}, which this package did not put there",
        "nothing was changed on any of them",
    ):
        assert words in said, f"{words!r} is not in: {said}"
    assert re.search(r"kafka-server3: found \d+ MiB of memory, expected at least 524544", said), said
    assert not changes(ours, untouched)


def test_a_taken_port_a_missing_program_and_a_foreign_unit_are_told(
    ours: Ground, untouched: dict[str, list[str]]
) -> None:
    with broken(ours, "port", "program", "unit"):
        wait_for("a taken port", lambda: ":9092" in on(ours, FIRST, "ss -Hltn"), 10)
        said = refused(ours)
    assert re.search(rf"{FIRST}: found port 9092 taken by python3 \(pid \d+\) of squatter.service", said), said
    assert f"{THIRD}: stage 'fit': found no mkfs.xfs" in said
    assert "apt-get install xfsprogs" in said
    assert re.search(
        rf"{SECOND}: found kafka-node-exporter.service \(\S+\), which this package did not put there", said
    )
    assert not changes(ours, untouched)


SERVER = """
import asyncio, asyncssh, subprocess, sys

async def serve(process):
    pipe = subprocess.PIPE
    child = subprocess.Popen(process.command, shell=True, stdin=pipe, stdout=pipe, stderr=pipe)
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await asyncio.to_thread(child.wait))

class Anybody(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False

async def main():
    await asyncssh.listen(sys.argv[1], int(sys.argv[2]), server_factory=Anybody, server_host_keys=[sys.argv[3]],
                          process_factory=serve, encoding=None)
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def ssh_to_this_computer(ground: Ground, folder: Path) -> Iterator[dict[str, Any]]:
    """A way into this computer from the machines' network, as an entry of `nodes` spells it."""
    key = folder / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    address, port = ground.machines.segment.gateway, 2222
    command = ground.machines.segment.inside(sys.executable, "-c", SERVER, address, str(port), str(key))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield {"address": address, "port": port, "hostKey": key.with_suffix(".pub").read_text().strip()}
    finally:
        server.terminate()
        server.communicate()


def test_one_machine_twice_and_this_computer_and_nobody_are_refused(
    ours: Ground, untouched: dict[str, list[str]], tmp_path: Path
) -> None:
    # No machine was taken yet, so other nodes are only a correction.
    nodes = hosts_config(ours.machines.inventory())["nodes"]
    other = "172.25.254.151"
    on(ours, FIRST, f"sudo ip address add {other}/24 dev host0")
    with ssh_to_this_computer(ours, tmp_path) as here:
        twin = {**nodes[0], "name": SECOND, "id": 2, "address": other}
        nobody = {**nodes[1], "name": "nobody", "id": 4, "address": "172.25.254.199"}
        diskless = {**nodes[2], "name": "diskless", "id": 5, "dataDevice": "/dev/disk/by-id/missing"}
        ours.stack.configure(nodes=[nodes[0], twin, {**nodes[2], **here}, nobody, diskless])
        said = refused(ours)
    ours.stack.destroy()
    ours.stack.configure(nodes=nodes)
    on(ours, FIRST, f"sudo ip address del {other}/24 dev host0")
    for words in (
        f"{FIRST} and {SECOND}: found the same machine",
        f"{THIRD}: found the computer that runs Pulumi",
        "nobody (172.25.254.199): no ssh",
        "diskless: found no device /dev/disk/by-id/missing",
    ):
        assert words in said, f"{words!r} is not in: {said}"
    assert not changes(ours, untouched)


def test_up_then_destroy_leaves_only_the_data(ours: Ground) -> None:
    on(ours, SECOND, TAKE_JAVA)
    untouched = listings(ours)
    ours.stack.up()
    ours.stack.up("--expect-no-changes")
    for name in NODES:
        mapped = on(ours, name, f"sudo cat /proc/$({MAIN_PID})/maps")
        assert CLASSES in mapped, "the broker reads jar by jar what was laid out for it"
    outputs = ours.stack.outputs()
    records.write(ours.stack.prefix, outputs["bootstrap_servers"], "kept", "one", "two")
    # Only what an `up` has applied counts.
    ours.stack.configure(deleteData=True)
    said = ours.stack.destroy()
    ours.stack.configure(deleteData=None)
    assert f"to go on with it: pulumi config set clusterId {outputs['cluster_id']}" in said
    assert not changes(ours, untouched), "what `up` brought, Java where there was none included, is to go with it"
    ours.stack.destroy()
    on(ours, SECOND, GIVE_JAVA)


def mounted(ground: Ground, name: str, command: str) -> str:
    """What a command prints that looks at the data of a node that was removed."""
    return on(ground, name, f"{MOUNT}; sudo {command}; {UNMOUNT}")


def test_data_of_another_cluster_or_node_is_refused(ours: Ground, untouched: dict[str, list[str]]) -> None:
    before = {name: mounted(ours, name, f"cat {META}") for name in NODES}
    kept = re.search(r"cluster.id=(\S+)", before[FIRST])
    assert kept
    said = refused(ours)
    assert f"{META} says cluster.id={kept[1]}, but the plan says".replace("/var/lib/kafka/logs", f"{HOME}/logs") in said
    assert nothing_runs(ours)
    ours.stack.destroy()
    ours.stack.configure(clusterId=kept[1])
    mounted(ours, SECOND, f"sed -i s/node.id=2/node.id=9/ {META}")
    on(ours, FIRST, BLANK)
    assert f"{FIRST}: found an empty disk, and a cluster's data on {SECOND}, {THIRD}" in refused(ours)
    ours.stack.configure(acceptEmptyDisk=FIRST)
    assert "says node.id=9, but the plan says 2" in refused(ours)
    assert on(ours, FIRST, f"sudo blkid -p {DISK} || echo empty") == "empty\n", (
        "with one disk in the wrong machine the others may be, too: nothing is made on any"
    )
    assert nothing_runs(ours)
    ours.stack.destroy()
    ours.stack.configure(acceptEmptyDisk=None)
    on(ours, FIRST, NO_LONGER_BLANK)
    mounted(ours, SECOND, f"sed -i s/node.id=9/node.id=2/ {META}")
    assert not changes(ours, untouched)
    assert {name: mounted(ours, name, f"cat {META}") for name in NODES} == before


def nothing_runs(ground: Ground) -> bool:
    return all("active" not in on(ground, name, "systemctl is-active kafka || true").split() for name in NODES)


def test_another_stack_is_refused_and_removes_nothing(ours: Ground) -> None:
    claim = json.dumps({"stack": "kafka-cluster/other", "node_id": 1})
    on(ours, FIRST, f"sudo mkdir /etc/kafka-cluster; echo '{claim}' | sudo tee /etc/kafka-cluster/CLAIM.json")
    assert f"{FIRST}: found that the machine belongs to node 1 of stack kafka-cluster/other" in refused(ours)
    ours.stack.destroy()
    assert on(ours, FIRST, "sudo cat /etc/kafka-cluster/CLAIM.json").strip() == claim
    on(ours, FIRST, "sudo rm -r /etc/kafka-cluster")


def test_kept_data_is_found_again_and_deleted_when_that_was_applied(
    ours: Ground, untouched: dict[str, list[str]]
) -> None:
    ours.stack.configure(deleteData=True)
    ours.stack.up()
    servers = ours.stack.outputs()["bootstrap_servers"]
    assert records.read(ours.stack.prefix, servers, "kept", "one", "two") == ["one", "two"]


def test_a_machine_that_is_rebooted_comes_back_by_itself(ours: Ground, untouched: dict[str, list[str]]) -> None:
    ours.machines.reboot(THIRD)
    wait_until_whole(ours.stack, SECONDS)
    found = on(ours, THIRD, "sudo grep 'clean shutdown file was found' /var/log/kafka/server.log | tail -n 1")
    assert "Skipping recovery" in found, "a reboot in order is to give the broker the time to close its logs"
    ours.stack.up("--expect-no-changes")
    servers = ours.stack.outputs()["bootstrap_servers"]
    assert records.read(ours.stack.prefix, servers, "kept", "one", "two") == ["one", "two"]


def test_a_dead_machine_is_told_and_can_be_forgotten(ours: Ground, untouched: dict[str, list[str]]) -> None:
    with away(ours, THIRD):
        said = refused(ours, "destroy")
        assert f"stage 'removed': {THIRD}" in said
        forget = re.search(r"pulumi (state delete --yes) '([^']+)'", said)
        assert forget, said
        ours.stack.pulumi(*forget[1].split(), forget[2])
        ours.stack.destroy()
    assert not changes(ours, untouched, (FIRST, SECOND))
    assert mounted(ours, FIRST, "ls /var/lib/kafka") == ""
    assert on(ours, THIRD, "systemctl is-active kafka").strip() == "active"
