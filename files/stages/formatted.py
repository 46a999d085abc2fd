# Stage `formatted`: the node's storage carries the identity that the plan gives it, in the plan's mode.
# What lies on the disk decides: another cluster's or node's data is refused with both values, data that was
# there before and is gone is refused, and only what never was is made.


def main(plan):
    owner = read_json(plan["owner_file"])
    if owner is None:
        raise Refused(f"{plan['owner_file']} is missing; run `pulumi up` again so that 'installed' comes first")
    if plan["mounted"] and not Path(plan["data"]).is_mount():
        raise Refused(f"the data volume is not mounted at {plan['data']}; nothing was formatted")
    for file, wanted in plan["brokers_own"].items():
        carries(file, wanted)
    if not carries(plan["identity_file"], plan["identity"]):
        refuse_vanished(plan, owner)
        make(plan)
    if plan["mode"] not in owner["formatted"]:
        owner["formatted"].append(plan["mode"])
        write(plan["owner_file"], json.dumps(owner))


def carries(file, identity):
    """Whether there is such a file; one that says something else is refused."""
    found = values(Path(file))
    if found is None:
        return False
    for key, wanted in identity.items():
        if found.get(key) != wanted:
            raise Refused(
                f"{file} says {key}={found.get(key)}, but the plan says {wanted}. This disk"
                " belongs to another node or cluster; nothing was formatted, deleted or started."
            )
    return True


def values(path):
    if path.name == "myid":
        return {"myid": path.read_text().strip()} if path.is_file() else None
    return read_properties(path)


def refuse_vanished(plan, owner):
    if plan["mode"] in owner["formatted"] and not plan["accept_empty"]:
        raise Refused(
            f"{plan['identity_file']} is missing, but this disk was formatted for {plan['mode']} before, so"
            " its data is gone. If it is lost for good and the other nodes are healthy, allow an empty one:"
            f" pulumi config set acceptEmptyDisk {plan['node']}"
        )


def make(plan):
    if plan["mode"] == "zookeeper":
        write(plan["identity_file"], plan["identity"]["myid"] + "\n", "zookeeper", "zookeeper", "0644")
        return
    command = plan["format_command"]
    done = run("runuser", "-u", "kafka", "--", "env", *plan["environment"], *command)
    # When it was done makes this text another one each time, so that whoever reads it sees a disk made anew.
    say(f"{done.stdout.strip()} ({run('date', '--utc', '+%FT%TZ').stdout.strip()})")
