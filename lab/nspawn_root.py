"""What the root of a test machine is made of: an unpacked image that all share, and a few files of its own.

Knows file contents, owners and modes. Refuses to know how one is booted; never writes to the shared root.
The files play the part that cloud-init's seed plays on a virtual machine.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

USER = "admin"
USER_ID = 1000
GROUP_SHADOW = 42
DATA_LINK = "/dev/disk/by-id/kafka-lab-data"

# The kernel has one value of each for the computer and all machines.
# A machine gets a file of its own in its place, new at each boot.
SETTINGS_PER_MACHINE = "vm/max_map_count vm/swappiness"

NETWORK = """\
[Match]
Name=host0

[Network]
Address={address}/{prefix}
Gateway={gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""

KERNEL_SETTINGS_UNIT = f"""\
[Unit]
Description=Kernel settings of this test machine alone
DefaultDependencies=no
Before=systemd-sysctl.service sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -euc 'for setting in {SETTINGS_PER_MACHINE}; do \\
    own=/run/lab-kernel-settings/$$setting; \\
    mkdir -p $$(dirname $$own); \\
    cat /proc/sys/$$setting > $$own; \\
    mount --bind $$own /proc/sys/$$setting; \\
    done'

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """One file, folder (`text` is None) or symbolic link (`link`) of a machine's root."""

    path: str
    text: str | None = None
    mode: int = 0o644
    owner: int = 0
    group: int = 0
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a root this machine's root."""

    name: str
    address: str
    prefix: int
    gateway: str
    machine_id: str
    host_key: str
    host_key_public: str
    authorized_key: str
    neighbours: Sequence[tuple[str, str]]
    environment: Sequence[tuple[str, str]] = ()


def planted(identity: Identity, shared: Path) -> Iterator[Planted]:
    """Every file that differs from the shared root."""
    yield Planted("etc/hostname", f"{identity.name}\n")
    yield Planted("etc/hosts", hosts(identity.neighbours))
    yield Planted("etc/fstab", "# The root is mounted already.\n")
    yield Planted("etc/machine-id", f"{identity.machine_id}\n", 0o444)
    yield Planted("etc/cloud/cloud-init.disabled", "")
    yield Planted("etc/ssh/ssh_host_ed25519_key", identity.host_key, 0o600)
    yield Planted("etc/ssh/ssh_host_ed25519_key.pub", identity.host_key_public)
    network = NETWORK.format(address=identity.address, prefix=identity.prefix, gateway=identity.gateway)
    yield Planted("etc/systemd/network/10-host0.network", network)
    if identity.environment:
        variables = " ".join(f'"{name}={value}"' for name, value in identity.environment)
        yield Planted("etc/systemd/system.conf.d/lab.conf", f"[Manager]\nDefaultEnvironment={variables}\n")
    yield from _kernel_settings()
    yield from _user(identity.authorized_key, shared)


def hosts(neighbours: Sequence[tuple[str, str]]) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost"] + [f"{address} {name}" for name, address in neighbours]
    return "\n".join(lines) + "\n"


def data_device_link(device: str) -> Planted:
    """A name for the data disk that stays the same whichever loop device it is."""
    rule = f"d /dev/disk/by-id 0755 - - -\nL+ {DATA_LINK} - - - - {device}\n"
    return Planted("etc/tmpfiles.d/kafka-lab-data.conf", rule)


def _kernel_settings() -> Iterator[Planted]:
    unit = "lab-kernel-settings.service"
    yield Planted(f"etc/systemd/system/{unit}", KERNEL_SETTINGS_UNIT)
    yield Planted(f"etc/systemd/system/sysinit.target.wants/{unit}", link=f"../{unit}")


def _user(authorized_key: str, shared: Path) -> Iterator[Planted]:
    entries = {
        "passwd": (f"{USER}:x:{USER_ID}:{USER_ID}::/home/{USER}:/bin/bash", 0o644, 0),
        "group": (f"{USER}:x:{USER_ID}:", 0o644, 0),
        "shadow": (f"{USER}:*:19000:0:99999:7:::", 0o640, GROUP_SHADOW),
        "gshadow": (f"{USER}:*::", 0o640, GROUP_SHADOW),
    }
    for table, (line, mode, group) in entries.items():
        text = with_entry((shared / "etc" / table).read_text(), line)
        yield Planted(f"etc/{table}", text, mode, 0, group)
    yield Planted(f"etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    home = f"home/{USER}"
    yield Planted(home, None, 0o755, USER_ID, USER_ID)
    yield Planted(f"{home}/.ssh", None, 0o700, USER_ID, USER_ID)
    yield Planted(f"{home}/.ssh/authorized_keys", authorized_key, 0o600, USER_ID, USER_ID)


def with_entry(table: str, line: str) -> str:
    """The account table with `line` in the place of an entry of the same name, if any."""
    name = line.split(":", 1)[0]
    kept = [old for old in table.splitlines() if old.split(":", 1)[0] != name]
    return "\n".join([*kept, line]) + "\n"


def plant(files: Iterator[Planted] | Sequence[Planted], upper: Path, shared: Path) -> None:
    """Write `files` into the overlay's upper folder, before it is mounted."""
    for file in files:
        _make_parents(Path(file.path).parent, upper, shared)
        _write(file, upper / file.path)


def _make_parents(folder: Path, upper: Path, shared: Path) -> None:
    """A folder in the upper layer hides the mode and owner of the one below: they are taken over."""
    for part in [*reversed(folder.parents), folder]:
        above = upper / part
        if above.is_dir():
            continue
        above.mkdir()
        below = shared / part
        if below.is_dir():
            facts = below.stat()
            os.chown(above, facts.st_uid, facts.st_gid)
            above.chmod(facts.st_mode & 0o7777)


def _write(file: Planted, target: Path) -> None:
    if file.link is not None:
        target.unlink(missing_ok=True)
        target.symlink_to(file.link)
        return
    if file.text is None:
        target.mkdir(exist_ok=True)
    else:
        target.touch(mode=0o600)
        target.write_text(file.text)
    os.chown(target, file.owner, file.group)
    target.chmod(file.mode)
