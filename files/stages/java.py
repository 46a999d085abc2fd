# Which Java a machine has. Changes nothing.


def java_version():
    """The first line of what `java` says of itself; nothing where there is none that works. Where its distribution says the
    same in a file, that is read, as Java takes longer to start than all else that is looked at."""
    if not shutil.which("java"):
        return ""
    told = java_release()
    if "JAVA_VERSION" in told:
        return f"openjdk version {told['JAVA_VERSION']}"
    done = run("java", "-version", check=False)
    lines = done.stderr.splitlines() if done.returncode == 0 else []
    return lines[0] if lines else ""


def java_release():
    """What its distribution says of it in a file; nothing where there is none."""
    program = shutil.which("java")
    return (read_properties(Path(os.path.realpath(program)).parent.parent / "release") or {}) if program else {}
