# Stage `claimed`: a machine that somebody else made is taken for one node, before anything else is done there.
# What was there before is written down, because only the rest may be removed again.
# Its last words name the machine: by them another one with the same address is told from it.


def main(plan):
    take(plan)
    # sftp writes as that user.
    run("runuser", "-u", plan["login"], "--", "sh", "-c", 'cd && mkdir -p "$0"', plan["upload_folder"])
    say(f"{plan['node']} is taken, machine {Path('/etc/machine-id').read_text().strip()}")


def take(plan):
    known = read_json(plan["claim"])
    if known is None:
        write(plan["claim"], json.dumps({**plan["owner"], **there_before(plan)}), mode="0600")
        return
    for key, wanted in plan["owner"].items():
        if known.get(key) != wanted:
            raise Refused(
                f"this machine was taken for {key} {known.get(key)!r}, and not for {wanted!r}; nothing was changed"
            )


def there_before(plan):
    looked_at = [*plan["paths"], *plan["shared_folders"], plan["mount_unit"], plan["data"]]
    return {
        "users": [user for user in plan["users"] if succeeds("getent", "passwd", user)],
        "paths": [path for path in looked_at if os.path.lexists(path)],
        "kernel": {key: run("sysctl", "-n", key).stdout.strip() for key in plan["kernel"]},
        "hosts": [line for line in Path("/etc/hosts").read_text().splitlines() if names_a_node(plan, line)],
    }


def names_a_node(plan, line):
    return bool(set(plan["hosts"]) & set(line.split("#")[0].split()[1:]))
