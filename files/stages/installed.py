# Stage `installed`: Java, users, kernel settings, the data volume and the Kafka archive.
# Safe to run again and to be cut off anywhere. Makes a file system on an empty data volume when the stage
# runs for the first time, and never after.


def main(plan):
    ensure_java(plan["java"], plan["packages"])
    for user in plan["users"]:
        ensure_user(user)
    ensure_kernel_settings(plan)
    ensure_hosts(plan)
    ensure_data_volume(plan)
    ensure_owner(plan)
    ensure_folders(plan)
    ensure_archive(plan)
    ensure_links(plan)
    ensure_tools(plan)
    ensure_shared_classes(plan)
    ensure_pieces(plan)


def ensure_java(package, record):
    if '"17.' in java_version():
        return
    say(f"Java 17 is missing; installing {package}")
    done = bring(package, record)
    if done.returncode != 0:
        words = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise Refused(
            f"Java 17 is missing and could not be installed:\n{words}\n"
            f"Give the machine {package}, or a network in which it reaches a package source that has it."
        )
    found = java_version()
    if '"17.' not in found:
        raise Refused(
            f"{package} is installed, but `java` on PATH is another one ({found or 'it does not work'}); make 17 the"
            " default: sudo update-alternatives --config java"
        )


def ensure_user(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        run(
            "useradd",
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            name,
        )


def ensure_kernel_settings(plan):
    lines = "".join(f"{key} = {value}\n" for key, value in plan["kernel"].items())
    write(plan["sysctl"], lines)
    done = run("sysctl", "--quiet", "--load", plan["sysctl"], check=False)
    if done.returncode == 0:
        return
    if not succeeds("systemd-detect-virt", "--quiet", "--container"):
        raise Refused(f"the kernel settings were not taken:\n{done.stderr.strip()}")
    say(f"a container, whose kernel settings are its host's: {done.stderr.strip()}")


def ensure_hosts(plan):
    """Every node knows all nodes by name. Other names stay as they are."""
    path = Path("/etc/hosts")
    text = path.read_text() if path.exists() else "127.0.0.1 localhost\n::1 localhost\n"
    others = [without_names(line, set(plan["hosts"])) for line in text.splitlines()]
    ours = [f"{address} {name}" for name, address in plan["hosts"].items()]
    write(path, "\n".join([*(line for line in others if line is not None), *ours]) + "\n")


def without_names(line, names):
    """A line of /etc/hosts without those names; None when it has no other."""
    words = line.split("#")[0].split()
    if not names & set(words[1:]):
        return line
    kept = [word for word in words[1:] if word not in names]
    return " ".join([words[0], *kept]) if kept else None


def ensure_data_volume(plan):
    device, data = plan["device"], Path(plan["data"])
    if not device:
        return
    data.mkdir(exist_ok=True)
    if data.is_mount():
        mounted = run("findmnt", "-no", "SOURCE", str(data)).stdout.strip()
        if os.path.realpath(mounted) != os.path.realpath(device):
            raise Refused(f"{data} is {mounted}, and not the planned {device}; nothing was changed")
        return
    if any(data.iterdir()):
        raise Refused(
            f"{data} holds files although the data volume {device} is not mounted there; look at"
            " them, move them away, and run again"
        )
    kind = ensure_file_system(plan, device)
    remember_mount(plan, kind)


def ensure_file_system(plan, device):
    if not Path(device).exists():
        run("udevadm", "settle", "--timeout=60", f"--exit-if-exists={device}", check=False)
    if not Path(device).exists():
        raise Refused(f"the data volume {device} is not there; nothing was changed")
    kind = signature(device)
    if kind in ("xfs", "ext4"):
        return kind
    if kind:
        raise Refused(f"the data volume {device} holds {kind}, which is not ours; nothing was changed")
    refuse_lost_data(plan, f"the data volume {device} is empty")
    say(f"making a file system on the empty data volume {device}")
    run("mkfs.xfs", "-q", "-L", "kafka-data", device)
    return "xfs"


def signature(device):
    """What `blkid -p` finds: a file system's type, another kind of content, or nothing. It ends in the same way
    for a device that can't be read, so that is tried first."""
    with open(device, "rb") as disk:
        disk.read(1 << 20)
    probe = run("blkid", "-p", "-o", "export", device, check=False)
    if probe.returncode == 2 and not probe.stdout.strip():
        return ""
    found = dict(line.split("=", 1) for line in probe.stdout.splitlines() if "=" in line)
    return found.get("TYPE") or found.get("PTTYPE") or f"something unreadable ({probe.stderr.strip()})"


def refuse_lost_data(plan, what):
    """An empty disk on a node that had data is not a new node, but a loss that somebody should look at."""
    if not is_first() and not plan["accept_empty"]:
        raise Refused(
            f"{what}, but this node was set up before, so its data is missing. If that disk is lost for"
            " good and the other nodes are healthy, allow an empty one:"
            f" pulumi config set acceptEmptyDisk {plan['node']}"
        )


def remember_mount(plan, kind):
    """A unit and not a line in fstab, because a container's systemd passes over those. Only wanted by the boot:
    a machine without its volume should still be reachable, and Kafka itself does not start without it."""
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


def ensure_owner(plan):
    """Whose data this is stands on the volume itself, and goes where the volume goes."""
    Path(plan["data"]).mkdir(exist_ok=True)
    known = read_json(plan["owner_file"])
    if known is None:
        content = sorted(item.name for item in Path(plan["data"]).iterdir() if item.name != "lost+found")
        if content:
            raise Refused(
                f"{plan['data']} has no {Path(plan['owner_file']).name} but holds"
                f" {', '.join(content[:5])}; it is not ours and nothing was changed"
            )
        refuse_lost_data(plan, f"{plan['data']} is empty")
        # The disk that was lost held the data of every mode, and not of the one that runs alone.
        emptied = [] if is_first() else plan["modes"]
        write(plan["owner_file"], json.dumps({**plan["owner"], "formatted": [], "emptied": emptied}))
        return
    for key, wanted in plan["owner"].items():
        if known.get(key) != wanted:
            raise Refused(
                f"{plan['data']} belongs to {key} {known.get(key)!r}, and not to {wanted!r}; nothing was changed"
            )


def ensure_folders(plan):
    for path, owner in plan["folders"].items():
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        user = pwd.getpwnam(owner)
        # A rebuilt machine may have given the user another number than the volume remembers.
        if folder.stat().st_uid != user.pw_uid:
            run("chown", "-R", f"{owner}:{owner}", path)
        folder.chmod(0o750)


def ensure_archive(plan):
    home, wanted = Path(plan["home"]), plan["sha512"]
    mark = home / ".archive-sha512"
    there = mark.read_text().strip() if mark.is_file() else ""
    if there == wanted:
        return
    if there and is_active("kafka.service"):
        say(
            f"{home} was unpacked from another archive ({there[:12]}… instead of {wanted[:12]}…) and is kept,"
            " because a running broker has its files open"
        )
        return
    if home.exists() and not there:
        raise Refused(
            f"{home} is there and was not unpacked by us; move it away (its logs may be somebody's data)"
            " and run again. Nothing was changed."
        )
    unpack(uploaded(plan, plan), home, mark.name, wanted)


def unpack(archive, home, mark, checksum):
    for leftover in home.parent.glob(f".{home.name}.*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}."))
    try:
        run("tar", "-xzf", str(archive), "-C", str(fresh), "--no-same-owner")
        if not (fresh / home.name / "bin").is_dir():
            raise Refused(f"{archive} holds no {home.name}/bin; it was not installed")
        (fresh / home.name / mark).write_text(checksum + "\n")
        if home.exists():
            run("mv", "-T", str(home), str(fresh / "old"))
        run("mv", "-T", str(fresh / home.name), str(home))
    finally:
        shutil.rmtree(fresh)


def ensure_links(plan):
    """The seed's places for data lead to the data volume."""
    for place, target in plan["links"].items():
        link = Path(place)
        if link.is_symlink() and os.readlink(link) == target:
            continue
        if link.exists() and not link.is_symlink():
            if any(link.iterdir()):
                raise Refused(f"{place} holds files and should be a link to {target}; nothing was changed")
            link.rmdir()
        link.unlink(missing_ok=True)
        link.symlink_to(target)
