"""Placeholders in expected trees: `{id}`, `{time}`, `{port}` and `{host}` stand for what differs from run to run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["NORMALISED", "Placeholder", "fits", "insert_placeholders", "placeholder_hint", "select_placeholders"]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Two regular expressions: what a placeholder `matches`, and how to `find` such values in a text.

    `find` is stricter: it replaces text in new trees, so it must not match text that carries meaning.
    """

    matches: str
    find: str


# A short prefix belongs to the id: req-, order-.
_UUID = r"(?:[a-z]+-)?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_HEX = r"(?=[a-f]*[0-9])[0-9a-f]{16,64}|[0-9]{6,}"
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_IP = r"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]"
_HOST = r"(?<=://)(?:[^/:@\s\[\]{}]*@)?[^/:@\s\[\]{}]+"

NORMALISED: Mapping[str, Placeholder] = {
    "time": Placeholder(_TIME, _TIME),
    "id": Placeholder(r"[\w.~-]+", rf"(?<![\w-])(?:{_UUID}|{_HEX})(?![\w-])"),
    "port": Placeholder(r"\d{1,5}", r"(?<=[\w\]]:)(?<!\d\d:)\d{2,5}(?=[/?#\s]|$)"),
    "host": Placeholder(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", rf"{_HOST}|(?<![\w.])(?:{_IP}|localhost)(?![\w.])"),
}
"""The placeholders that expected trees have by default, by name."""


def select_placeholders(normalise: Iterable[str] | Mapping[str, Placeholder]) -> Mapping[str, Placeholder]:
    """Return placeholders by name. Names alone select from `NORMALISED`. Raises ValueError for unknown names."""
    if isinstance(normalise, Mapping):
        return normalise
    names = set(normalise)
    if unknown := names - NORMALISED.keys():
        raise ValueError(
            f"there is no placeholder {', '.join(sorted(unknown))}; the placeholders are {', '.join(NORMALISED)}. "
            "Pass a mapping of names to Placeholder to define others"
        )
    return {name: placeholder for name, placeholder in NORMALISED.items() if name in names}


def fits(expected: str, found: str, placeholders: Mapping[str, Placeholder]) -> bool:
    """Return whether a text equals the expected one, with placeholders in place of some of its parts."""
    return expected == found or (
        "{" in expected and _pattern(expected, _key(placeholders)).fullmatch(found) is not None
    )


def insert_placeholders(text: str, placeholders: Mapping[str, Placeholder]) -> str:
    """Replace the parts of a text that placeholders stand for."""
    for name, placeholder in placeholders.items():
        text = re.sub(placeholder.find, f"{{{name}}}", text)
    return text


def placeholder_hint(expected: str, placeholders: Mapping[str, Placeholder]) -> str:
    """Return what to add to "its name is …" if the expected name has a `{…}` that is no placeholder."""
    unknown = [name for name in re.findall(r"\{(\w+)\}", expected) if name not in placeholders]
    if not unknown:
        return ""
    known = ", ".join(f"{{{name}}}" for name in placeholders) or "none here"
    return f" ({{{unknown[0]}}} is plain text; the placeholders are {known})"


def _key(placeholders: Mapping[str, Placeholder]) -> tuple[tuple[str, str], ...]:
    return tuple((name, placeholder.matches) for name, placeholder in placeholders.items())


@lru_cache(1024)
def _pattern(expected: str, placeholders: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    matches = dict(placeholders)
    parts = re.split(r"\{(\w+)\}", expected)
    for number in range(1, len(parts), 2):
        name = parts[number]
        parts[number] = f"(?:{matches[name]})" if name in matches else re.escape(f"{{{name}}}")
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))
