# Stage `configured`: every file of the node's configuration lies on the machine, ready to be activated.
# A running process goes on with what it was started with, and so does the machine when it is rebooted now.
# A disk that `formatted` would refuse is refused here already: no node is formatted before all have come so far.


def main(plan):
    if not is_new(plan):
        is_formatted(plan, owner_of(plan))
    running = Path(plan["running_fingerprint"])
    paths = edited(plan)
    note_misled(plan, paths)
    if running.is_file() and (paths or misled(plan)):
        # A process may have read one, so the node does not count as running what was planned.
        running.write_text(f"{running.read_text().split()[0]} edited by hand\n")
    stage_files(plan)
    if in_force(plan) == [plan["fingerprint"]]:
        activate(plan)
        if running.is_file():
            start_beside(plan)


def is_new(plan):
    """Whether `formatted` has yet to make this node's disk, or may make it anew. Nothing was activated here then."""
    may_be_empty = plan["accept_empty"] or not Path(plan["fingerprint_file"]).is_file()
    return may_be_empty and not Path(plan["owner_file"]).exists()


def in_force(plan):
    """What Kafka runs; where it is down, what it would be started with. The rest of such files, which binds no process, is
    put in place then, too: left for later, it would look like a change by hand once Kafka is up again."""
    files = [Path(plan[key]) for key in ("running_fingerprint", "fingerprint_file")]
    return next((file.read_text().split()[:1] for file in files if file.is_file()), [])


def start_beside(plan):
    """What belongs beside the running Kafka and is down needs no permission to be started. Kafka itself and ZooKeeper
    wait for the whole cluster to be looked at."""
    for unit in plan["services"]:
        if unit not in ("kafka.service", "zookeeper.service") and not is_active(unit):
            say(f"{unit} was down; it is started")
            start_alone({**plan, **plan["beside"]}, unit)


def edited(plan):
    """The files that were activated and are not as they were staged."""
    manifest = read_json(Path(plan["staged"]) / "MANIFEST.json") or {}
    active = Path(plan["fingerprint_file"])
    if not active.is_file() or active.read_text().strip() != manifest.get("fingerprint"):
        return []
    found = [file["path"] for file in manifest["files"] if not is_as_staged(file)]
    for path in found:
        say(f"{path} was edited by hand; the planned content is restored")
    return found


def is_as_staged(file):
    path = Path(file["path"])
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]


def note_misled(plan, paths):
    """Which services beside Kafka may have read one of these files: once they are right, no file tells any more."""
    may = [unit for unit, read in plan["read_by"].items() if set(read) & set(paths)]
    if may:
        noted = read_json(plan["misled"]) or {}
        write(plan["misled"], json.dumps({**noted, **{unit: invocation(unit) for unit in may}}))


def stage_files(plan):
    """The staged folder is replaced as a whole, so that it never holds half of two configurations."""
    staged = Path(plan["staged"])
    staged.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=staged.parent, prefix=".staged."))
    fresh.chmod(0o755)
    for file in plan["files"]:
        write(f"{fresh}{file['path']}", file["content"], file["owner"], file["group"], file["mode"])
    manifest = {key: plan[key] for key in ("fingerprint", "services", "idle_services", "read_by")}
    manifest["files"] = [{key: value for key, value in file.items() if key != "content"} for file in plan["files"]]
    write(fresh / "MANIFEST.json", json.dumps(manifest))
    if staged.exists():
        old = Path(tempfile.mkdtemp(dir=staged.parent, prefix=".staged."))
        os.replace(staged, old / "old")
        os.replace(fresh, staged)
        shutil.rmtree(old)
    else:
        os.replace(fresh, staged)
    for leftover in staged.parent.glob(".staged.*"):
        shutil.rmtree(leftover)
