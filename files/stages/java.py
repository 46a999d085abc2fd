# Which Java a machine has. Changes nothing.


def java_version():
    """The first line of what `java` says of itself; nothing where there is none that works."""
    done = run("java", "-version", check=False) if shutil.which("java") else None
    lines = done.stderr.splitlines() if done and done.returncode == 0 else []
    return lines[0] if lines else ""
