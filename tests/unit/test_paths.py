"""Where things are on a machine: the seed's places, and what must outlive the machine."""

from model.kafka_keys import SUPPORTED_VERSIONS, Mode
from model.paths import Paths

PATHS = Paths("3.6.0")


def test_the_seeds_paths() -> None:
    assert PATHS.home == "/usr/local/kafka_2.13-3.6.0"
    assert PATHS.properties(Mode.KRAFT) == "/usr/local/kafka_2.13-3.6.0/config/kraft/server.properties"
    assert PATHS.properties(Mode.ZOOKEEPER) == "/usr/local/kafka_2.13-3.6.0/config/server.properties"
    assert PATHS.zookeeper_properties == "/usr/local/kafka_2.13-3.6.0/config/zookeeper.properties"
    assert PATHS.log_dir(Mode.KRAFT) == "/usr/local/kafka_2.13-3.6.0/logs/kraft-combined-logs"
    assert PATHS.zookeeper_data == "/usr/local/kafka_2.13-3.6.0/zookeeper"


def test_neither_modes_data_lies_inside_the_others() -> None:
    kraft, zookeeper = PATHS.log_dir(Mode.KRAFT), PATHS.log_dir(Mode.ZOOKEEPER)
    assert zookeeper == "/usr/local/kafka_2.13-3.6.0/logs/zookeeper-mode-logs"
    assert not f"{kraft}/".startswith(f"{zookeeper}/"), "ZooKeeper mode stops at a folder that is no partition"
    assert not f"{zookeeper}/".startswith(f"{kraft}/"), "KRaft stops at a folder that is no partition"


def test_all_data_is_reached_through_links_to_the_volume() -> None:
    for place in (PATHS.log_dir(Mode.KRAFT), PATHS.log_dir(Mode.ZOOKEEPER), PATHS.zookeeper_data):
        leads = [target for link, target in PATHS.links.items() if f"{place}/".startswith(f"{link}/")]
        assert len(leads) == 1, f"{place} would lie on the root disk and go with the machine"
        assert leads[0].startswith(f"{PATHS.data}/")


def test_service_logs_lie_off_the_data_volume() -> None:
    assert not PATHS.server_log().startswith(PATHS.data), "a flood of messages must not fill the disk of the data"
    assert not any(PATHS.server_log().startswith(link) for link in PATHS.links)


def test_data_outlives_the_kafka_version() -> None:
    targets = {tuple(Paths(version).links.values()) for version in SUPPORTED_VERSIONS}
    assert len(targets) == 1, "a new version has to find the old data"


def test_the_mount_units_name_is_the_one_that_systemd_derives() -> None:
    assert PATHS.mount_unit == PATHS.data.strip("/").replace("-", r"\x2d").replace("/", "-") + ".mount"


def test_the_upload_folder_is_relative() -> None:
    assert not PATHS.upload_folder.startswith(("/", "~")), "sftp writes below the home of whoever logs in"
