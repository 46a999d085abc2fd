# Stage `installed`: Java, users, kernel settings and the Kafka archive; a data volume that has a file system is mounted.
# Safe to run again and to be cut off anywhere. It makes nothing on an empty volume: that is `formatted`'s.

from concurrent.futures import ThreadPoolExecutor

# Beside the unpacked archive: the checksum of what it was. It vouches for every file, so it is written once all are on the
# disk; until then it says that the folder is ours.
MARK, UNPACKED = ".archive-sha512", "unpacked, and not all of it on the disk yet"


def main(plan):
    ensure_java(plan["java"], plan["packages"])
    for user in plan["users"]:
        ensure_user(user)
    ensure_kernel_settings(plan)
    ensure_hosts(plan)
    find_data(plan)
    ensure_folders(plan)
    with ThreadPoolExecutor(1) as beside:
        vouched = beside.submit(vouch, plan) if ensure_archive(plan) else None
        ensure_links(plan)
        ensure_tools(plan)
        ensure_shared_classes(plan)
        ensure_pieces(plan)
        if vouched:
            vouched.result()


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


def ensure_archive(plan):
    """Whether it was unpacked now."""
    home, wanted = Path(plan["home"]), plan["sha512"]
    mark = home / MARK
    there = mark.read_text().strip() if mark.is_file() else ""
    if there == wanted:
        return False
    if there and (running := [unit for unit in ("kafka.service", "zookeeper.service") if is_active(unit)]):
        say(
            f"{home} was unpacked from another archive ({there[:12]}… instead of {wanted[:12]}…) and is kept,"
            f" because the running {running[0]} has its files open"
        )
        return False
    if home.exists() and not there:
        raise Refused(
            f"{home} is there and was not unpacked by us; move it away (its logs may be somebody's data)"
            " and run again. Nothing was changed."
        )
    unpack(uploaded(plan, plan), home, activated(plan, home))
    return True


def activated(plan, home):
    """The node's own configuration in the home. With what an archive brings in its place, the next start would be that of a
    cluster of its own, which takes records."""
    manifest = read_json(Path(plan["staged"]) / "MANIFEST.json")
    if not manifest or not Path(plan["fingerprint_file"]).is_file():
        return []
    files = [Path(file["path"]) for file in manifest["files"]]
    return [file.relative_to(home) for file in files if file.is_relative_to(home) and file.is_file()]


def unpack(archive, home, kept):
    for leftover in home.parent.glob(f".{home.name}.*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}."))
    try:
        run("tar", "-xzf", str(archive), "-C", str(fresh), "--no-same-owner")
        if not (fresh / home.name / "bin").is_dir():
            raise Refused(f"{archive} holds no {home.name}/bin; it was not installed")
        write(fresh / home.name / MARK, UNPACKED + "\n")
        for file in kept:
            copy_whole(home / file, fresh / home.name / file)
        if home.exists():
            run("mv", "-T", str(home), str(fresh / "old"))
        run("mv", "-T", str(fresh / home.name), str(home))
    finally:
        shutil.rmtree(fresh)


def copy_whole(file, target):
    """With its owner and its mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, target)
    os.chown(target, file.stat().st_uid, file.stat().st_gid)


def vouch(plan):
    """Says what the home was unpacked from, once a power cut leaves all of it there."""
    run("sync", "--file-system", plan["home"])
    write(Path(plan["home"]) / MARK, plan["sha512"] + "\n")


def ensure_links(plan):
    """The guide's places for data lead to the data volume."""
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
