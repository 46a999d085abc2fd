# A machine's own account of what a node would find on it, as one line of JSON. Changes nothing.

import re

# What the stages call beside what every Debian has, and the packages that bring it.
PROGRAMS = {"ip": "iproute2", "ss": "iproute2", "sysctl": "procps"}
PROGRAMS_FOR_DISKS = {"mkfs.xfs": "xfsprogs"}


def main(plan):
    if sys.version_info < (3, 9):
        raise Refused("found an older python3 than 3.9; install one: sudo apt-get install python3")
    refuse_missing({**PROGRAMS, **PROGRAMS_FOR_DISKS} if plan["device"] else PROGRAMS)
    say(
        json.dumps(
            {
                **system(),
                "memory_mib": memory(),
                "free_mib": {name: free(path) for name, path in plan["places"].items()},
                "addresses": addresses(),
                "listeners": listeners(),
                "device": device(plan["device"]) if plan["device"] else None,
                "claim": read_json(plan["claim"]),
                "owner": read_json(plan["owner_file"]),
                "present": [path for path in plan["ours"] if os.path.lexists(path)],
                "units": units(plan["services"]),
                "java": {"version": java_version(), "source": may_have(plan["java"])} if plan["java"] else None,
            }
        )
    )


def refuse_missing(programs):
    missing = {program: package for program, package in programs.items() if not succeeds("which", program)}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise Refused(f"found no {', '.join(missing)}; install what brings them: sudo apt-get install {packages}")


def system():
    lines = (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    words = {key: value.strip("\"'") for key, _, value in lines}
    number = f"{words.get('ID', '')} {words.get('VERSION_ID', '')}".strip()
    return {"system": number, "system_name": words.get("PRETTY_NAME", number)}


def memory():
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemTotal:")) // 1024


def free(path):
    """What a path could still take, or its next parent that is there."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    space = os.statvfs(place)
    return space.f_bavail * space.f_frsize >> 20


def addresses():
    links = json.loads(run("ip", "-json", "-4", "address", "show").stdout)
    return [address["local"] for link in links for address in link["addr_info"]]


def listeners():
    """Every TCP port that something listens at, and the systemd unit it belongs to."""
    found = []
    for line in run("ss", "-Hltnp").stdout.splitlines():
        bound, port = line.split()[3].rsplit(":", 1)
        holder = re.search(r'"([^"]*)",pid=(\d+)', line)
        process, unit = (f"{holder[1]} (pid {holder[2]})", unit_of(holder[2])) if holder else ("", "")
        found.append({"address": bound, "port": int(port), "process": process, "unit": unit})
    return found


def unit_of(pid):
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return next((line.rsplit("/", 1)[-1] for line in groups if line.startswith("0::")), "")


def units(names):
    """Those of these units that systemd knows, and the file that each comes from. A package's lies elsewhere than ours."""
    found = {}
    for name in names:
        lines = run("systemctl", "show", "-p", "LoadState,FragmentPath", name).stdout.splitlines()
        told = dict(line.split("=", 1) for line in lines)
        if told["LoadState"] != "not-found":
            found[name] = told["FragmentPath"]
    return found


def may_have(package):
    """Whether a package source has it; one that this machine never asked may. Another system than Debian has no apt."""
    if not shutil.which("apt-cache"):
        return False
    if re.search(r"Candidate: [^(]", run("apt-cache", "policy", package, check=False).stdout):
        return True
    is_asked = any(Path("/var/lib/apt/lists").glob("*_Packages*"))
    return not is_asked and bool(run("apt-get", "update", "--print-uris", check=False).stdout.strip())


def device(path):
    """What is on a block device and where it is mounted; None when there is none by that path."""
    if not os.path.exists(path):
        return None
    probe = run("blkid", "-p", "-o", "export", path, check=False).stdout
    content = dict(line.split("=", 1) for line in probe.splitlines() if "=" in line)
    return {
        "size_mib": int(run("blockdev", "--getsize64", path).stdout) >> 20,
        "content": content.get("TYPE") or content.get("PTTYPE") or "",
        "label": content.get("LABEL", ""),
        "mounted_at": run("findmnt", "-no", "TARGET", "--source", path, check=False).stdout.split(),
        "partition": content.get("PART_ENTRY_NUMBER", ""),
        **numbers(path),
    }


def numbers(path):
    """What a disk is known by on every machine that it is attached to: its own, also below what only leads to it, such
    as several paths. A loop device has neither."""
    probe = run("lsblk", "-sJo", "TYPE,WWN,SERIAL", path, check=False).stdout
    disk = json.loads(probe)["blockdevices"][0] if probe else {}
    while not disk.get("wwn") and disk.get("type") in ("mpath", "part", "crypt") and disk.get("children"):
        disk = disk["children"][0]
    return {key: (disk.get(key) or "").strip() for key in ("wwn", "serial")}
