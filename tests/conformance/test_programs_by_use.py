"""The four programs together: the CLI runs a Python program through the language host, with both plugins."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import installed
from tests.conformance import stack as stacks
from tests.conformance.sshd import Server
from tests.conformance.stack import Stack, UpFailed

COMMANDS = """
import pulumi
from pulumi_command import local, remote

connection = remote.ConnectionArgs(
    host="127.0.0.1",
    port={port},
    user="root",
    private_key=open("{key}").read(),
    host_key="{host_key}",
)
here = local.Command("here", create="echo made {word} >> {log}; pwd", delete="echo gone {word} >> {log}",
                     triggers=["{trigger}"])
there = remote.Command("there", connection=connection, create="cat", update="cat >/dev/null; echo updated {word}", stdin="{word}")
file = remote.CopyToRemote("file", connection=connection, source=pulumi.StringAsset("{word}"),
                           remote_path="{log}.copy", opts=pulumi.ResourceOptions(depends_on=[there]))
asked = local.run(command="echo asked")
for name, value in dict(here=here.stdout, there=there.stdout, asked=asked.stdout).items():
    pulumi.export(name, value)
"""
MACHINES = """
import pulumi
import pulumi_libvirt as libvirt

provider = libvirt.Provider("there", uri="{uri}")
options = pulumi.ResourceOptions(provider=provider)
pool = libvirt.Pool("pool", type="dir", path="{folder}/pool", opts=options)
network = libvirt.Network("network", mode="none", addresses=["10.1.2.0/24"], opts=options)
volume = libvirt.Volume("volume", pool=pool.name, size=1 << 20, format="qcow2", opts=options)
host = libvirt.get_network_dns_host_template(
    hostname="a", ip="10.1.2.3", opts=pulumi.InvokeOptions(provider=provider))
for name, value in dict(pool=pool.name, network=network.bridge, volume=volume.id, host=host.rendered).items():
    pulumi.export(name, value)
"""
LIBVIRT_NAMESPACE = """
for folder in /run /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
do mount -t tmpfs none "$folder"; done
exec libvirtd -f "$1/libvirtd.conf" -p "$1/pid"
"""


@pytest.fixture
def stack(tmp_path: Path, programs_bin: Path) -> Iterator[Stack]:
    """A stack that is empty again at the end."""
    installed.plugin("command")
    installed.plugin("libvirt")
    made = stacks.create(tmp_path, programs_bin)
    yield made
    made.run("destroy", "--yes", "--skip-preview")


def test_commands_from_first_up_to_destroy(stack: Stack, machine: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def written(word: str, trigger: str) -> None:
        given = {"port": machine.port, "key": machine.key_file, "host_key": machine.host_key, "log": log}
        stack.write(COMMANDS.format(**given, word=word, trigger=trigger))

    written("one", "a")
    said = stack.up()
    assert "warning" not in said.lower()
    assert stack.outputs() == {"here": str(stack.folder), "there": "one", "asked": "asked"}
    assert Path(f"{log}.copy").read_text() == "one"
    key_line = machine.private_key.splitlines()[1]
    assert key_line not in said
    assert key_line not in stack.run("stack", "export")

    assert "4 unchanged" in stack.up("--expect-no-changes", "--refresh")

    written("two", "a")
    said = stack.up()
    assert "3 updated" in said
    assert "error" not in said
    assert stack.outputs()["there"] == "updated two"
    assert Path(f"{log}.copy").read_text() == "two"

    written("two", "b")
    assert "1 replaced" in stack.up()
    assert log.read_text().splitlines() == ["made one", "made two", "made two", "gone two"]


def test_a_failure_shows_the_command_and_what_it_said(stack: Stack) -> None:
    stack.write('from pulumi_command import local\nlocal.Command("bad", create="echo why; exit 3")\n')
    with pytest.raises(UpFailed) as failure:
        stack.up()
    assert 'exit status 3: running "echo why; exit 3":' in str(failure.value)
    assert "why" in str(failure.value)


@pytest.fixture
def hypervisor(tmp_path: Path) -> Iterator[str]:
    """The URI of libvirt's test driver, in a libvirtd of its own that touches nothing of the computer's."""
    if not shutil.which("libvirtd") or os.geteuid() != 0:
        pytest.skip("needs libvirtd and root")
    socket = tmp_path / "libvirt-sock"
    (tmp_path / "libvirtd.conf").write_text(f'unix_sock_dir = "{tmp_path}"\nauth_unix_rw = "none"\n')
    command = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", LIBVIRT_NAMESPACE, "libvirtd"]
    with (tmp_path / "libvirtd.log").open("w") as log:
        daemon = subprocess.Popen([*command, str(tmp_path)], stderr=log)
    # The test driver forgets everything with its last client.
    client = None
    try:
        deadline = time.monotonic() + 20
        while not socket.exists():
            trouble = daemon.poll() is not None or time.monotonic() > deadline
            assert not trouble, (tmp_path / "libvirtd.log").read_text()
            time.sleep(0.05)
        client = subprocess.Popen(
            ["virsh", "--connect", f"test+unix:///default?socket={socket}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert client.stdout
        client.stdout.readline()
        yield f"test:///default?socket={socket}"
    finally:
        for process in filter(None, (client, daemon)):
            process.terminate()
            process.wait()


def test_machines_resources_from_first_up_to_destroy(hypervisor: str, stack: Stack, tmp_path: Path) -> None:
    stack.write(MACHINES.format(uri=hypervisor, folder=tmp_path))
    said = stack.up()
    assert "warning" not in said.lower()
    outputs = stack.outputs()
    assert outputs["pool"].startswith("pool-")
    assert outputs["volume"] == f"{tmp_path}/pool/{outputs['volume'].rpartition('/')[2]}"
    assert outputs["host"] == {"hostname": "a", "ip": "10.1.2.3"}
    assert "5 unchanged" in stack.up("--expect-no-changes", "--refresh")


def test_a_hypervisor_that_is_not_there_is_named(stack: Stack, tmp_path: Path) -> None:
    stack.write(MACHINES.format(uri=f"qemu:///system?socket={tmp_path}/nothing", folder=tmp_path))
    with pytest.raises(UpFailed, match="nothing: connect: no such file"):
        stack.up()
