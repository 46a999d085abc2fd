# A node's data volume: how it is found and whose it is. What holds anything else than this node's data is refused, and
# left as it is.

# Where a file system is looked into; only one stage at a time runs on a machine.
LOOK = "/run/kafka-cluster-look"
# How it is read without a write. Read-only alone replays the journal. ext4 also ends what was deleted while it was
# open, but for a device that takes no writes, such as the loop device of a read-only mount.
UNTOUCHED = {"xfs": "ro,norecovery", "ext4": "ro,noload,loop"}


def find_data(plan):
    """Mounts a volume that has a file system. An empty one is left as it is: it is no node's yet."""
    if plan["device"] and not is_mounted(plan):
        kind = file_system(plan["device"])
        if not kind:
            return
        remember_mount(plan, kind)
    is_owned(plan)


def is_mounted(plan):
    device, data = plan["device"], Path(plan["data"])
    data.mkdir(exist_ok=True)
    if data.is_mount():
        mounted = run("findmnt", "-no", "SOURCE", str(data)).stdout.strip()
        if os.path.realpath(mounted) != os.path.realpath(device):
            raise Refused(f"{data} is {mounted}, and not the planned {device}; nothing was changed")
        return True
    if any(data.iterdir()):
        raise Refused(
            f"{data} holds files although the data volume {device} is not mounted there; look at"
            " them, move them away, and run again"
        )
    return False


def file_system(device):
    """Which one a volume has; none when it is empty."""
    if not Path(device).exists():
        run("udevadm", "settle", "--timeout=60", f"--exit-if-exists={device}", check=False)
    if not Path(device).exists():
        raise Refused(f"the data volume {device} is not there; nothing was changed")
    kind = signature(device)
    if kind not in ("xfs", "ext4", ""):
        raise Refused(f"the data volume {device} holds {kind}, which is not ours; nothing was changed")
    return kind


def signature(device):
    """What `blkid -p` finds: a file system's type, another kind of content, or nothing. It ends in the same way
    for a device that can't be read, so that is tried first."""
    with open(device, "rb") as disk:
        disk.read(1 << 20)
    probe = run("blkid", "-p", "-o", "export", device, check=False)
    found = dict(line.split("=", 1) for line in probe.stdout.splitlines() if "=" in line)
    # Of a partition without content it tells where that lies on its disk.
    about_itself = all(key == "DEVNAME" or key.startswith("PART_ENTRY_") for key in found)
    if about_itself and (probe.returncode == 2 or (found and probe.returncode == 0)):
        return ""
    return found.get("TYPE") or found.get("PTTYPE") or f"something unreadable ({probe.stderr.strip()})"


def refuse_others(plan, kind):
    """Looks for the owner before the volume is mounted for good. Another system may have it in use, which would lose
    its journal to us, now and at every boot."""
    device, place = plan["device"], Path(LOOK)
    end_look(place)  # a run that was killed may have left it
    place.mkdir(parents=True, exist_ok=True)
    try:
        mounted = run("mount", "-t", kind, "-o", UNTOUCHED[kind], device, str(place), check=False)
        if mounted.returncode != 0:
            raise OSError(mounted.stderr.strip())
        is_owned({**plan, "data": str(place), "owner_file": str(place / Path(plan["owner_file"]).name)})
    except Refused as refusal:
        raise Refused(str(refusal).replace(str(place), device)) from None
    except OSError as error:
        raise Refused(
            f"the data volume {device} holds {kind} and could not be looked into without a write, so whose it is is not"
            f" known; nothing was changed: {error}"
        ) from None
    finally:
        end_look(place)


def end_look(place):
    if place.is_mount():
        run("umount", str(place))
    if place.is_dir():
        place.rmdir()


def remember_mount(plan, kind):
    """A unit and not a line in fstab, because a container's systemd passes over those. Only wanted by the boot:
    a machine without its volume should still be reachable, and Kafka itself does not start without it."""
    refuse_others(plan, kind)
    unit = f"""[Unit]
Description=Data volume of Kafka
[Mount]
What={plan["device"]}
Where={plan["data"]}
Type={kind}
Options=noatime
[Install]
WantedBy=local-fs.target
"""
    name = plan["mount_unit"]
    write(f"/etc/systemd/system/{name}", unit)
    run("systemctl", "--quiet", "--no-reload", "enable", name)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", name)


def is_owned(plan):
    """Whose data this is stands on the volume itself, and goes where the volume goes."""
    Path(plan["data"]).mkdir(exist_ok=True)
    known = read_json(plan["owner_file"])
    if known is None:
        # What a power cut leaves of the owner's file before it has its name says nothing yet.
        cut_off = f".{Path(plan['owner_file']).name}."
        names = sorted(item.name for item in Path(plan["data"]).iterdir())
        content = [name for name in names if name != "lost+found" and not name.startswith(cut_off)]
        if content:
            raise Refused(
                f"{plan['data']} has no {Path(plan['owner_file']).name} but holds"
                f" {', '.join(content[:5])}; it is not ours and nothing was changed"
            )
        return False
    for key, wanted in plan["owner"].items():
        if known.get(key) != wanted:
            raise Refused(
                f"{plan['data']} belongs to {key} {known.get(key)!r}, and not to {wanted!r}; nothing was changed"
            )
    return True


def ensure_folders(plan):
    for path, owner in plan["folders"].items():
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        user = pwd.getpwnam(owner)
        # A rebuilt machine may have given the user another number than the volume remembers.
        if folder.stat().st_uid != user.pw_uid:
            run("chown", "-R", f"{owner}:{owner}", path)
        folder.chmod(0o750)
