"""Regular expressions of users: they find what Python's find, and nothing takes long."""

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
ENDLESS = [
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


def test_a_pattern_finds_what_pythons_own_finds() -> None:
    for pattern in PATTERNS:
        ours = Pattern(pattern)
        for text in TEXTS:
            assert ours.is_in(text) == (re.search(pattern, text) is not None), (pattern, text)


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    for pattern, letter in ENDLESS:
        ours = Pattern(pattern)
        for _ in range(10):
            assert not ours.is_in(letter * 254 + "!")
    assert time.process_time() - began < 10


@pytest.mark.parametrize("pattern", [*REFUSED, *TOO_LARGE], ids=lambda pattern: pattern[:20])
def test_what_is_no_pattern_or_not_understood_or_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        Pattern(pattern)
