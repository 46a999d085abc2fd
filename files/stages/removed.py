# Stage `removed`: a machine goes back to whom it belongs. Everything of ours is taken away but for what its claim
# names as there before; the data stays, unless the plan says otherwise and it is this node's own.
# Safe to run again and to be cut off anywhere: the claim goes last.


def main(plan):
    claim = read_json(plan["claim"])
    if claim is None or not is_ours(plan, claim):
        say("nothing here belongs to this node; nothing was removed")
        return
    for unit in plan["services"]:
        end(plan, unit)
    settle_data(plan)
    unmount(plan, claim)
    remove_tools(plan["tools"])
    for path in plan["paths"]:
        if path not in claim["paths"]:
            remove(path)
    for folder in map(Path, plan["shared_folders"]):
        if folder.is_dir() and str(folder) not in claim["paths"] and not any(folder.iterdir()):
            folder.rmdir()
    restore_kernel(claim)
    restore_hosts(plan, claim)
    for user in plan["users"]:
        if user not in claim["users"] and succeeds("getent", "passwd", user):
            run("userdel", user)
    # A state of an earlier version names no such file.
    take_back(plan.get("packages", ""))
    remove_uploads(plan)
    forget(plan)


def is_ours(plan, token):
    return all(token.get(key) == value for key, value in plan["owner"].items())


def remove(path):
    """A link is removed, and not what it leads to."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def end(plan, unit):
    """Stops a service for good. One that takes too long is killed: where a whole cluster stops, the last nodes
    wait for a controller that is gone, and a killed process loses nothing that the page cache holds."""
    file = Path("/etc/systemd/system") / unit
    if not file.exists():
        return
    run("timeout", str(plan["stop_seconds"]), "systemctl", "stop", unit, check=False)
    if is_active(unit):
        run("systemctl", "kill", "--signal=SIGKILL", unit)
        run("systemctl", "stop", unit)
    run("systemctl", "--quiet", "disable", unit)
    file.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "reset-failed", unit, check=False)


def settle_data(plan):
    """Deletes the node's data where that was asked for; else says how a later `up` finds it again."""
    owner = read_json(plan["owner_file"])
    if owner is None:
        return
    if not is_ours(plan, owner):
        say(f"{plan['data']} belongs to node {owner.get('node_id')} of {owner.get('stack')} and stays as it is")
        return
    if plan["delete_data"]:
        for path in [*plan["data_folders"], plan["owner_file"]]:
            remove(path)
        say(f"the data in {plan['data']} was deleted")
        return
    cluster = (read_properties(plan["cluster_id_file"]) or {}).get("cluster.id")
    again = f"; to go on with it: pulumi config set clusterId {cluster}" if cluster else ""
    say(f"the data stays in {plan['device'] or plan['data']}{again}")


def unmount(plan, claim):
    unit = Path(plan["mount_unit"])
    if unit.exists() and str(unit) not in claim["paths"]:
        run("systemctl", "stop", unit.name)
        run("systemctl", "--quiet", "disable", unit.name)
        unit.unlink()
        run("systemctl", "daemon-reload")
    data = Path(plan["data"])
    if data.is_dir() and str(data) not in claim["paths"] and not any(data.iterdir()):
        data.rmdir()


def restore_kernel(claim):
    for key, value in claim["kernel"].items():
        if run("sysctl", "-n", key).stdout.strip() != value:
            run("sysctl", "--quiet", "--write", f"{key}={value}")


def restore_hosts(plan, claim):
    """Takes the nodes' lines away, and puts back those that named them before."""
    path = Path("/etc/hosts")
    ours = {f"{address} {name}" for name, address in plan["hosts"].items()}
    shortened = {without_nodes(plan, line) for line in claim["hosts"]}
    # A removal that was cut off behind this has put them back already.
    again = set(claim["hosts"])
    others = [line for line in path.read_text().splitlines() if line not in ours | shortened | again]
    write(path, "\n".join([*others, *claim["hosts"]]) + "\n")


def without_nodes(plan, line):
    return " ".join(word for word in line.split("#")[0].split() if word not in plan["hosts"])


def remove_uploads(plan):
    folder = Path(os.path.expanduser(f"~{plan['login']}")) / plan["upload_folder"]
    remove(folder)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def forget(plan):
    claim = Path(plan["claim"])
    for item in claim.parent.iterdir():
        if item != claim:
            remove(item)
    claim.unlink()
    claim.parent.rmdir()
