"""Regular expressions from users: they match like Python's, and none takes long."""

import re
import time

import pytest

from emulator.services.nova.api.servers.safe_regex import InvalidPattern, Pattern

TEXTS = ("", "a", "b", "ab", "ba", "aab", "abab", "web-1", "web-12", "Web_1.example", "f" * 40, "[a]{2}", "ä1\\", "a.b")
PATTERNS = [
    *(
        "",
        "a",
        "^a",
        "b$",
        "^ab$",
        "^$",
        "$^",
        "a|b",
        "^(a|b)*$",
        "^(?:ab)+$",
        "a.b",
        r"a\.b",
        "^.$",
        "|a",
        "()",
        "(a|)b",
    ),
    *(
        "a*",
        "^a*b",
        "a+b",
        "^a?b?$",
        "a*?b",
        "(a*)*b",
        "^(a|b|ab)*$",
        "^(ab){2}$",
        "^a{1,2}b",
        "^.{3,}$",
        "f{7}",
        "^f{,40}$",
    ),
    *("[ab]", "^[^a]", "[a-z]+-[0-9]+$", r"^\w+-\d\d?$", r"\W", r"[\w.]+$", r"\S\D", "[]a]", "[^]]$", r"[\]]", "[a^]$"),
    *(
        r"\[a\]",
        "{",
        "a{",
        "{}",
        "x{,y",
        r"^\x61",
        r"\u00e4",
        r"\\$",
        "web-1$|^f+$",
        "(^a|b$)",
        "(a|b)$|c",
        "(f+)+$",
        "a|^|b",
    ),
]
CATASTROPHIC = [
    ("(f+)+$", "f"),
    ("^(f|f)*$", "f"),
    ("^" + "f*" * 100 + "$", "f"),
    ("^" + "f?" * 100 + "f" * 50 + "$", "f"),
    ("(.*)(.*)(.*)(.*)x$", "."),
]
REFUSED = [
    "(",
    "a)",
    "[",
    "*",
    "a**",
    "a{2}{3}",
    "a++",
    "a{2}+",
    "(?i)a",
    "(?P<n>a)",
    "(?=a)",
    "(?<!a)b",
    r"(a)\1",
    r"\ba",
    r"\Z",
]
TOO_LARGE = ["a" * 256, "a{501}", "((a{99}){99}){99}", "((){999}){999}", "(" * 200 + ")" * 200, "a{99999999999}"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_where_pythons_does(pattern: str) -> None:
    ours = Pattern(pattern)
    assert [ours.search(text) for text in TEXTS] == [re.search(pattern, text) is not None for text in TEXTS]


@pytest.mark.parametrize(("pattern", "letter"), CATASTROPHIC)
def test_catastrophic_patterns_take_linear_time(pattern: str, letter: str) -> None:
    began = time.process_time()
    ours = Pattern(pattern)
    for _ in range(10):
        assert not ours.search(letter * 254 + "!")
    assert time.process_time() - began < 2


@pytest.mark.parametrize("pattern", [*REFUSED, *TOO_LARGE], ids=lambda pattern: pattern[:20])
def test_invalid_unsupported_and_large_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        Pattern(pattern)
