# Which identity a node's storage carries. What lies on the disk decides: another cluster's or node's data is refused with
# both values, and so is data that was there before and is gone. Changes nothing.


def is_formatted(plan, owner):
    if plan["mounted"] and not Path(plan["data"]).is_mount():
        raise Refused(f"the data volume is not mounted at {plan['data']}; nothing was formatted")
    for file, wanted in plan["brokers_own"].items():
        carries(file, wanted)
    if carries(plan["identity_file"], plan["identity"]):
        return True
    refuse_vanished(plan, owner)
    return False


def owner_of(plan):
    owner = read_json(plan["owner_file"])
    if owner is None:
        raise Refused(f"{plan['owner_file']} is missing; run `pulumi up` again so that 'installed' comes first")
    return owner


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
    if is_emptied(plan, owner) and not plan["accept_empty"]:
        raise Refused(
            f"{plan['identity_file']} is missing, but this node was formatted before, so its data is gone. If it is"
            " lost for good and the other nodes are healthy, allow an empty disk:"
            f" pulumi config set acceptEmptyDisk {plan['node']}"
        )


def is_emptied(plan, owner):
    """A disk made anew in place of one that was lost stays one until it is formatted, however long that takes."""
    return plan["mode"] in owner["formatted"] or owner.get("emptied", False)
