"""The reader that other tests trust, on the examples of Java's own documentation."""

import pytest

from .java_properties import load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Truth = Beauty", {"Truth": "Beauty"}),
        (" Truth:Beauty", {"Truth": "Beauty"}),
        ("Truth                    :Beauty", {"Truth": "Beauty"}),
        ("fruits    apple, banana, \\\n          cantaloupe", {"fruits": "apple, banana, cantaloupe"}),
        ("cheeses", {"cheeses": ""}),
        ("# a comment\n! another\n\n  # one more", {}),
        (r"\:\= x", {":=": "x"}),
        (r"a\ b=c\\d", {"a b": "c\\d"}),
        (r"a=\u00e4\ud83d\ude00", {"a": "ä😀"}),
        ("a=b=c:d", {"a": "b=c:d"}),
        ("a=x \r\nb=y", {"a": "x ", "b": "y"}),
        (r"a=\z\t", {"a": "z\t"}),
        ("a=\\\\\nb=c", {"a": "\\", "b": "c"}),
    ],
)
def test_reads_as_java_does(text: str, expected: dict[str, str]) -> None:
    assert load(text) == expected
