# Kafka's classes as Java maps them into memory, in place of reading jar by jar: brokers and tools start in half the time.
# Only Java of the very build that wrote them takes them; one of another build is asked, and everything goes without where it
# does not.

import gzip
import shlex

SETTINGS = {"KAFKA_HEAP_OPTS": "-Xmx64M", "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC", "LOG_DIR": "/run"}


def ensure_shared_classes(plan):
    wanted = plan["shared_classes"]
    place = Path(wanted["path"])
    if wanted["sha512"]:
        unpack_shared_classes(plan, place)
    if place.is_file() and (is_their_java(wanted["java"]) or java_takes(place, plan["home"])):
        write(wanted["option"], f'KAFKA_OPTS="{option(place)}"\n')
    else:
        Path(wanted["option"]).unlink(missing_ok=True)


def unpack_shared_classes(plan, place):
    """As a whole or not at all. A process that has the old file mapped goes on with that."""
    wanted, mark = plan["shared_classes"], place.with_suffix(".sha512")
    if place.is_file() and mark.is_file() and mark.read_text() == wanted["sha512"]:
        return
    upload = uploaded(plan, wanted)
    place.parent.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    fresh = place.with_name(f".{place.name}.fresh")
    with gzip.open(upload) as packed, open(fresh, "wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(0o644)
    os.replace(fresh, place)
    write(mark, wanted["sha512"])


def option(place):
    return f"-XX:SharedArchiveFile={place}"


def is_their_java(version):
    """Whether this is the very build. To read so takes no time, and Java's start does."""
    return bool(version) and java_release().get("JAVA_RUNTIME_VERSION", "").strip('"') == version


def java_takes(place, home):
    settings = {**os.environ, **SETTINGS, "KAFKA_OPTS": f"-Xshare:on {option(place)}"}
    return run(f"{home}/bin/kafka-run-class.sh", "-version", check=False, env=settings).returncode == 0


def shared_classes_option(file):
    """What a process of Kafka's is started with to use them: its settings, none where they are not taken."""
    return shlex.split(Path(file).read_text()) if os.path.isfile(file) else []
