"""The tables of Kafka's keys: read from Kafka's own words, complete, and those that the cached releases print."""

import shutil
from pathlib import Path

import pytest

from archives import archive
from model.kafka_keys import MANAGED, SUPPORTED_VERSIONS
from model.kafka_limits import CLASSES, LEFT_OPEN, LIMITS
from model.kafka_table import Update, is_dynamic, lookup, topic_keys, update_mode
from toolchain import kafka_table

ALL = lookup(SUPPORTED_VERSIONS[0])


def page(kind: str = "int", default: str = "1", valid: str = "", update: str = "read-only") -> str:
    """One key of a broker's as Kafka's documentation prints it."""
    cells = {"Type": kind, "Default": default, "Valid Values": valid, "Importance": "high", "Update Mode": update}
    return _page(cells)


def topic_page(valid: str = "", server: str = "log.a.key") -> str:
    """One setting of a topic's as Kafka's documentation prints it."""
    cells = {"Type": "list", "Default": "a", "Valid Values": valid, "Server Default Property": server}
    return _page({**cells, "Importance": "medium"})


def _page(cells: dict[str, str]) -> str:
    rows = "".join(f"<tr><th>{name}:</th><td>{cell}</td></tr>\n" for name, cell in cells.items())
    anchor = '<a id="a.key"></a><a id="brokerconfigs_a.key" href="#brokerconfigs_a.key">a.key</a>'
    return f"<li>\n<h4>{anchor}</h4>\n<p>Words.</p>\n<table><tbody>\n{rows}</tbody></table>\n</li>\n"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (page(), {"type": "int", "default": "1", "update": "read-only"}),
        (page(default="604800000 (7 days)"), {"default": "604800000"}),
        (page(kind="string", default="a (b)"), {"default": "a (b)"}),
        (page(default="null"), {"default": None}),
        (page(kind="list", default='""'), {"default": ""}),
        (page(valid="[0,...]"), {"least": 0}),
        (page(valid="[-2,...,65535]"), {"least": -2, "most": 65535}),
        (page(kind="string", valid="[required, none]"), {"choices": ["required", "none"]}),
        (page(kind="list", valid="non-empty list"), {"filled": True}),
        (page(kind="string", default="&quot;x&quot;"), {"default": '"x"'}),
        (topic_page(), {"type": "list", "default": "a", "server": "log.a.key"}),
        (topic_page(server="null"), {"type": "list", "default": "a"}),
        (topic_page(valid="[partitionId]:[brokerId],[partitionId]:[brokerId],..."), {"server": "log.a.key"}),
    ],
)
def test_kafkas_words_are_read(said: str, read: dict[str, object]) -> None:
    (entry,) = kafka_table.read(said).values()
    assert {name: entry[name] for name in read} == read


@pytest.mark.parametrize("valid", ["lambda", "[0,...,1,2]", "(0, 1)", "org.apache.kafka.Validator@1f"])
def test_a_notation_that_was_never_met_is_an_error(valid: str) -> None:
    with pytest.raises(kafka_table.UnknownNotation, match=r"a\.key"):
        kafka_table.read(page(valid=valid))


def test_a_page_without_keys_is_an_error() -> None:
    with pytest.raises(kafka_table.UnknownNotation, match="no key found"):
        kafka_table.read("<html></html>")


def test_versions_with_the_same_table_share_a_file(tmp_path: Path) -> None:
    one, other = ({"keys": kafka_table.read(page(default=default))} for default in ("1", "2"))
    (tmp_path / "2.0.0.json").write_text("{}")
    kafka_table.write(tmp_path, {"3.6.0": one, "3.6.1": one, "3.6.2": other})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.6.0.json", "3.6.2.json"], "no file of earlier ones"
    assert (tmp_path / "3.6.0.json").read_text().startswith('{"versions": ["3.6.0", "3.6.1"],\n"keys": {\n"a.key": ')


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_every_supported_version_has_its_table(version: str) -> None:
    table = lookup(version)
    assert len(table) == 270, "that is how many keys Kafka 3.6 documents"
    assert {key.type for key in table.values()} == {
        "boolean", "class", "double", "int", "list", "long", "password", "short", "string",
    }  # fmt: skip


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_the_settings_of_topics_are_there(version: str) -> None:
    table = topic_keys(version)
    assert len(table) == 31, "that is how many settings Kafka 3.6 documents"
    assert {key.update for key in table.values()} == {Update.PER_TOPIC}
    assert table["retention.ms"].server == "log.retention.ms"


def test_a_version_without_table_says_what_makes_it() -> None:
    with pytest.raises(LookupError, match=r"toolchain\.kafka_table"):
        lookup("2.8.0")


def test_kafkas_own_classification_is_kept() -> None:
    modes = [key.update for key in ALL.values()]
    assert (modes.count(Update.CLUSTER_WIDE), modes.count(Update.PER_BROKER)) == (45, 37)
    assert is_dynamic("3.6.0", "log.retention.ms")
    assert not is_dynamic("3.6.0", "log.retention.hours"), "Kafka takes hours when it starts only"
    assert not is_dynamic("3.6.0", "ssl.keystore.location"), "each broker would have to be told by itself"
    assert update_mode("3.6.0", "a.plugins.key") is Update.READ_ONLY


def test_what_is_managed_and_limited_exists() -> None:
    told = {*MANAGED, *LIMITS, *LEFT_OPEN, *CLASSES}
    assert not told - ALL.keys(), "a misspelt key would limit nothing"


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_the_table_is_what_kafka_prints(version: str) -> None:
    cached = archive.cached(version)
    if cached is None:
        pytest.skip(f"Kafka {version} is not in the cache: python3 archives/archive.py --version {version}")
    if shutil.which("java") is None:
        pytest.skip("no Java here to ask Kafka with")
    printed = kafka_table.render([version], kafka_table.from_archive(cached.path))
    texts = [path.read_text(encoding="utf-8").partition("\n") for path in kafka_table.FOLDER.glob("*.json")]
    (written,) = [keys for versions, _, keys in texts if f'"{version}"' in versions]
    assert printed.partition("\n")[2] == written, "python -m toolchain.kafka_table writes it anew"
