# Which identity a node's storage carries. What lies on the disk decides: another cluster's or node's data is refused with
# both values, and so is data that was there before and is gone. Changes nothing.


def is_formatted(plan, owner):
    for file, wanted in plan["brokers_own"].items():
        carries(file, wanted)
    if carries(plan["identity_file"], plan["identity"]):
        return True
    refuse_vanished(plan, owner)
    return False


def owner_of(plan):
    if plan["mounted"] and not Path(plan["data"]).is_mount():
        raise Refused(f"the data volume is not mounted at {plan['data']}; nothing was formatted")
    owner = read_json(plan["owner_file"])
    if owner is None:
        raise_lost(plan, f"{plan['data']} is empty")
    return owner


def refuse_lost_data(plan, what):
    """An empty disk on a node that had data is not a new node, but a loss that somebody should look at."""
    if not is_first() and not plan["accept_empty"]:
        raise_lost(plan, what)


def raise_lost(plan, what):
    raise Refused(
        f"{what}, but this node was set up before, so its data is missing. If that disk is lost for"
        " good and the other nodes are healthy, allow an empty one:"
        f" pulumi config set acceptEmptyDisk {plan['node']}"
    )


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
    if plan["accept_empty"] or not is_emptied(plan, owner):
        return
    if plan["mode"] in owner["formatted"]:
        raise Refused(
            f"{plan['identity_file']} is missing, but this node was formatted before, so its data is gone. If it is"
            " lost for good and the other nodes are healthy, allow an empty disk:"
            f" pulumi config set acceptEmptyDisk {plan['node']}"
        )
    raise Refused(
        f"{plan['identity_file']} is missing, and this node's disk was made anew in place of a lost one: what it had"
        f" in {plan['mode']} mode is gone. Allow it to begin empty in that mode, too, once the other nodes were asked"
        f" what they have: pulumi config set acceptEmptyDisk {plan['node']}"
    )


def is_emptied(plan, owner):
    return plan["mode"] in (*owner["formatted"], *emptied_in(plan, owner))


def emptied_in(plan, owner):
    """The modes in which a disk that was made anew in place of a lost one was not formatted since, however long that
    takes. Earlier versions wrote only whether there are any."""
    known = owner.get("emptied", [])
    return known if isinstance(known, list) else plan["modes"] if known else []
