# Which Java a machine has. Changes nothing.


def java_version():
    """The first line of what `java` says of itself; nothing where there is none that works. Where its distribution says the
    same in a file, that is read, as Java takes longer to start than all else that is looked at."""
    program = shutil.which("java")
    if not program:
        return ""
    release = Path(os.path.realpath(program)).parent.parent / "release"
    told = read_properties(release) or {}
    if "JAVA_VERSION" in told:
        return f"openjdk version {told['JAVA_VERSION']}"
    done = run("java", "-version", check=False)
    lines = done.stderr.splitlines() if done.returncode == 0 else []
    return lines[0] if lines else ""
