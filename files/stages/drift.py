# What a machine has of all that the stages put there, as one line of JSON. Changes nothing.


def main(plan):
    say(
        json.dumps(
            {
                "files": {path: file_facts(path) for path in plan["files"]},
                "units": {unit: unit_facts(unit) for unit in plan["units"]},
                "kernel": {key: run("sysctl", "-n", key, check=False).stdout.strip() for key in plan["kernel"]},
                "users": [name for name in plan["users"] if user_exists(name)],
                "links": {path: os.readlink(path) if os.path.islink(path) else "" for path in plan["links"]},
                "tools": [str(link) for link in tool_links(plan) if not os.path.lexists(link)],
                "pieces": {path: sha512(path) if os.path.isfile(path) else "" for path in plan["pieces"]},
                "hosts": host_names(),
                "java": java_version(),
                "packages": gone_packages(plan["packages"]),
                "archive": first_line(f"{plan['home']}/.archive-sha512"),
                "touched": touched(plan["home"]),
                "mounted": os.path.ismount(plan["data"]),
                "owner": read_json(plan["owner_file"]),
                "active": first_line(plan["fingerprint_file"]),
                "running": first_line(plan["running_fingerprint"]),
                "blind": is_blind(plan, unit_state("kafka.service")),
            }
        )
    )


def file_facts(path):
    """The SHA-256 of the content, owner, group and mode; None when there is no file."""
    try:
        content, facts = Path(path).read_bytes(), os.stat(path)
    except FileNotFoundError:
        return None
    return [hashlib.sha256(content).hexdigest(), user_name(facts.st_uid), group_name(facts.st_gid), mode_of(facts)]


def mode_of(facts):
    return f"{facts.st_mode & 0o7777:04o}"


def user_name(number):
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number):
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def user_exists(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def unit_facts(unit):
    names = ("ActiveState", "UnitFileState", "NeedDaemonReload", "DropInPaths")
    lines = run("systemctl", "show", "-p", ",".join(names), unit, check=False).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def host_names():
    """Each name of /etc/hosts with the first address that it has there."""
    found = {}
    for line in Path("/etc/hosts").read_text().splitlines():
        words = line.split("#")[0].split()
        for name in words[1:]:
            found.setdefault(name, words[0])
    return found


def gone_packages(record):
    """Those that `installed` brought, and that are not there any more."""
    return [name for name in read_json(record) or [] if not is_installed(name)]


def touched(home):
    """What changed since the archive was unpacked in the programs that came with it."""
    mark = Path(home) / ".archive-sha512"
    if not mark.is_file():
        return []
    since = mark.stat().st_mtime
    found = [
        Path(walked) / name
        for folder in ("bin", "libs")
        for walked, _, names in os.walk(f"{home}/{folder}")
        for name in names
    ]
    return sorted(str(path) for path in found if path.lstat().st_mtime > since)
