# Packages that the distribution gives a machine for this package's sake: written down before they come, so that the same
# ones go again with it.

import re

# Another program may hold dpkg's lock, and a mirror may be away for a moment.
PATIENT = ("-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3")


def bring(package, record):
    """Installs a package and what it needs; answers how that ended. One that is there in another version is not ours."""
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run("apt-get", "update", *PATIENT, check=False)
    words = ("install", "-y", "--no-install-recommends", *PATIENT, package)
    fresh = re.findall(r"^Inst (\S+) \(", run("apt-get", "--simulate", *words, check=False).stdout, re.MULTILINE)
    write(record, json.dumps(sorted({*(read_json(record) or []), *fresh})))
    return run("apt-get", *words, check=False)


def take_back(record):
    """Removes what was brought, unless something else came to need it: then all of it stays."""
    brought = [name for name in (read_json(record) if record else None) or [] if is_installed(name)]
    if not brought:
        return
    words = ("purge", "-y", *PATIENT, *brought)
    planned = run("apt-get", "--simulate", *words, check=False)
    goes = re.findall(r"^(?:Purg|Remv) (\S+) ", planned.stdout, re.MULTILINE)
    others = sorted({*goes} - {*brought})
    if planned.returncode != 0 or others:
        why = f"{', '.join(others)} needs them" if others else planned.stderr.strip()
        say(f"the packages that came with it stay ({', '.join(brought)}): {why}")
        return
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run("apt-get", *words)


def is_installed(name):
    status = run("dpkg-query", "--show", "--showformat=${db:Status-Status}", name, check=False)
    return status.stdout == "installed"
