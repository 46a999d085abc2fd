# Whether a node that was formatted before has nothing left on its disk, as one line of JSON. Changes nothing.


def main(plan):
    say(json.dumps(is_gone(plan)))


def is_gone(plan):
    """A volume that is not mounted can't be looked into: it counts as empty, for the worse that it may be."""
    if plan["mounted"] and not Path(plan["data"]).is_mount():
        return True
    if Path(plan["identity_file"]).is_file():
        return False
    owner = read_json(plan["owner_file"])
    return owner is None or is_emptied(plan, owner)
