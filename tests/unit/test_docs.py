"""The documentation says what is so: its tables, messages, paths, ports and links."""

import re
import subprocess
from pathlib import Path

import pytest

from computer import places
from model import handover, listeners, topic_plan
from model.kafka_keys import MANAGED, SUPPORTED_VERSIONS, Mode
from model.logins import JumpSettings
from model.metrics import MonitorSettings
from model.paths import Paths
from model.settings import NodeSettings, Settings
from toolchain import doc_messages, doc_tables

PAGES = doc_tables.pages()
HOLE = doc_messages.HOLE
REFERENCE = places.CHECKOUT / "docs" / "reference"
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(#[^)]*)?\)")


def _name(page: Path) -> str:
    return str(page.relative_to(places.CHECKOUT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_generated_tables_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == doc_tables.rendered(text), "write them anew: python -m toolchain.doc_tables"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [found[0] for found in LINK.findall(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_prose_fits_a_terminal(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_every_page_can_be_found_from_the_readme() -> None:
    linked, fresh = set(), {places.CHECKOUT / "README.md"}
    while fresh:
        page = fresh.pop()
        linked.add(page)
        targets = [(page.parent / target).resolve() for target, _ in LINK.findall(page.read_text(encoding="utf-8"))]
        fresh |= {target for target in targets if target.suffix == ".md"} - linked
    assert set(PAGES) - linked == set()


def test_every_message_is_explained() -> None:
    missing = [f"{message.place}: {message.text}" for message in doc_messages.unexplained()]
    assert missing == [], f"each wants a row in {doc_messages.PAGE}"


def test_every_row_says_what_a_message_means_and_what_helps() -> None:
    lacking = [f"{row.message}: no {row.lacks}" for row in doc_messages.rows() if row.lacks]
    assert lacking == [], (
        f"who meets a message reads {doc_messages.PAGE} to learn what it means and what to do;"
        f" a row without a remedy is one of {' or '.join(doc_messages.NO_TROUBLE)}, and its meaning begins so"
    )


@pytest.mark.parametrize(
    ("meaning", "remedy", "lacks"),
    [
        ("", "", "meaning"),
        ("", "Wait.", "meaning"),
        ("The disk is full.", "", "remedy"),
        ("The disk is full.", "Make room.", ""),
        ("Progress.", "", ""),
        ("Answer: it is there.", "", ""),
    ],
)
def test_an_empty_cell_of_a_row_is_noticed(meaning: str, remedy: str, lacks: str) -> None:
    assert doc_messages.Row("`a node sings`", meaning, remedy).lacks == lacks


def test_no_explained_message_is_gone() -> None:
    said = doc_messages.messages()
    gone = [row for row in doc_messages.documented() if not any(doc_messages.explains(row, each) for each in said)]
    assert gone == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (
            "model/pending_replacement.py",
            f"machines that wait to be replaced, and stay as they are until then: {HOLE}.",
        ),
        ("model/order.py", "it was down"),
        ("toolchain/go/command/remote/connection.go", f"{HOLE} {HOLE}/{HOLE} failed: retrying"),
        ("toolchain/go/command/remote/command.go", f"Unable to set '{HOLE}': the ssh server accepts only the"),
        ("toolchain/go/command/remote/copies.go", "an asset must be a file's path or a text"),
        ("archives/distribution/bin/stopper.sh", f"No {HOLE} to stop"),
        ("archives/distribution/bin/kafka-run-class.sh", f"No jars in {HOLE}"),
        ("archives/distribution/bin/server.sh", f"USAGE: {HOLE}"),
        ("toolchain/setup.py", f"done in {HOLE} s"),
        ("toolchain/setup.py", f"failed: {HOLE}"),
        ("model/stages.py", "waiting for another stage that runs on this machine"),
        ("files/monitoring/consoles/kafka.html", "nothing was told yet"),
        ("files/monitoring/consoles/kafka.html", f"Prometheus: {HOLE}"),
    ],
)
def test_whoever_speaks_is_heard(place: str, text: str) -> None:
    said = [message.text for message in doc_messages.messages() if message.place.startswith(f"{place}:")]
    assert [each for each in said if each.startswith(text)]


def test_a_message_without_a_row_is_noticed() -> None:
    message = doc_messages.Message("model/nowhere.py:1", "a node sings too loudly; expected silence")
    assert not any(doc_messages.explains(row, message) for row in doc_messages.documented())


def test_every_key_of_a_node_is_explained() -> None:
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    keys = [
        field.alias for shape in (NodeSettings, JumpSettings, MonitorSettings) for field in shape.model_fields.values()
    ]
    assert [key for key in keys if f"| `{key}` |" not in page] == []


def test_every_managed_property_is_named() -> None:
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    assert [key for key in MANAGED if f"`{key}`" not in page] == []


def test_numbers_of_the_configuration_page_are_the_models() -> None:
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    for field in Settings.model_fields.values():
        for limit in field.metadata:
            for bound in ("ge", "le"):
                assert str(getattr(limit, bound, "")) in page


def test_every_path_is_listed() -> None:
    page = (REFERENCE / "paths.md").read_text(encoding="utf-8")
    paths = Paths(SUPPORTED_VERSIONS[0])
    fixed = [value for value in vars(Paths).values() if isinstance(value, str) and value.startswith("/")]
    named = [
        paths.home,
        paths.zookeeper_properties,
        *paths.links,
        *map(paths.properties, Mode),
        *map(paths.log_dir, Mode),
    ]
    assert [path for path in [*fixed, *named] if f"`{path}`" not in page] == []


def test_every_port_is_listed() -> None:
    page = (REFERENCE / "ports.md").read_text(encoding="utf-8")
    ports = [value for value in vars(listeners).values() if isinstance(value, int)]
    ports += [value.port for value in vars(listeners).values() if isinstance(value, listeners.Listener)]
    assert [port for port in ports if f"| {port} |" not in page] == []


def test_every_stage_of_the_whole_cluster_is_listed() -> None:
    page = (REFERENCE / "stages.md").read_text(encoding="utf-8")
    stages = (handover.RUNNING_RESOURCE, handover.LIVE, topic_plan.TOPICS_RESOURCE)
    assert [stage for stage in stages if f"| `{stage}` |" not in page] == []


def test_keys_that_examples_set_exist() -> None:
    keys = {field.alias for field in Settings.model_fields.values()}
    for page in PAGES:
        set_here = re.findall(r"pulumi config (?:set|rm) (?:--path ')?(\w+)", page.read_text(encoding="utf-8"))
        assert set(set_here) <= {*keys, "KEY"}, _name(page)


def test_shell_examples_can_be_parsed() -> None:
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            done = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
            assert done.returncode == 0, f"{_name(page)}:\n{block}\n{done.stderr}"


def test_verbs_of_make_exist() -> None:
    makefile = (places.CHECKOUT / "Makefile").read_text(encoding="utf-8")
    verbs = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        used = set(re.findall(r"`make ([a-z-]+)(?:`| STACK)", page.read_text(encoding="utf-8")))
        assert used <= verbs, _name(page)
