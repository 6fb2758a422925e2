"""Reads a line of an expected tree, from left to right. Where it cannot go on, it says what was probably meant.

An unquoted name ends where the first other part begins, so that a slip in that part is not taken for a name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from spantree.notation.budget import read_budget
from spantree.notation.condition import read_conditions
from spantree.notation.count import read_count
from spantree.notation.line import KINDS, Line
from spantree.notation.mistake import FORM, Mistake
from spantree.notation.quoting import QUOTED, unquoted

__all__ = ["read_line"]

SERVICE = re.compile(rf"(?P<service>{QUOTED}|[^\s\":][^\":]*)(?P<colon>: *)?")
QUOTED_TEXT = re.compile(QUOTED)
PART = re.compile(r"\s(?=\s*(?:[({!#×]|[+*?](?:\s|$)|[<>]=?\s*\d|[≤≥]))")
"""The space before a part after the name."""
ASCII_COUNT = re.compile(r"\s+(x\d+(?:\.\.\d*)?)(?=\s|$)")
NAMELESS = re.compile(r"\((?:any|[a-z]+)\)(?=\s|$)|[<>]=?\d\S*|×\d\S*")

KIND = re.compile(r"\(([^()\s]*(?:[ ,|/][^()\s]*)*)\)")
ERROR = re.compile(rf"!({QUOTED}|[^\s\"{{#]\S*)?")
BUDGET = re.compile(r"[<>≤≥]=?\s*\S*")
COUNT = re.compile(r"[+*?]|[×x]\s*(?:\d[\d.,…-]*|\S*)")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part after the name: its place among FORM's parts, where it begins and ends, and what was read."""

    rank: int
    begin: int
    end: int
    field: str
    value: Any


def read_line(text: str, *, kind: str = "internal") -> Line:
    """Read a line without its indentation. `kind` is that of a line without one. Raises Mistake, a ValueError."""
    service, place = _read_service(text)
    name, place = _read_name(text, place)
    comment = ""
    parts: list[_Part] = []
    for part in _read_parts(text, place):
        if part.field == "comment":
            comment = part.value
        else:
            parts.append(part)
    fields: dict[str, Any] = {"kind": kind, "budgets": ()}
    for part in parts:
        fields[part.field] = (*fields["budgets"], part.value) if part.field == "budgets" else part.value
    line = Line(service, name, **fields, comment=comment)
    _check_order(text, parts, line)
    return line


def _read_service(text: str) -> tuple[str, int]:
    found = SERVICE.match(text)
    if text.startswith(("!", "not ")):
        raise Mistake(0, "to say that a span must not occur, write its line below a line `never:`")
    if found is None or (found["colon"] is None and found.end() == len(text)):
        raise Mistake(0, f"a line is of the form `{FORM}`; here the service and its colon are missing")
    if found["colon"] is None:
        raise Mistake(found.end(), "a colon and a space are expected after the service: `service: name`")
    if found["service"] in {"never", "in any order"}:
        raise Mistake(found.end(), f"`{found['service']}:` is alone in its line; write the spans below it, indented")
    if found["colon"] == ":":
        raise Mistake(found.end(), "a space is expected after the colon: `service: name`")
    if found["service"].endswith(" "):
        raise Mistake(found.end("service") - 1, "there is a space before the colon; write `service: name`")
    return unquoted(found["service"], 0), found.end()


def _read_name(text: str, place: int) -> tuple[str, int]:
    if place >= len(text) or text[place] == "#":
        raise Mistake(place, "the name of the span is missing: `service: name`")
    if text[place] == '"':
        found = QUOTED_TEXT.match(text, place)
        if found is None:
            raise Mistake(place, "this quote has no end")
        if found.end() < len(text) and not text[found.end()].isspace():
            raise Mistake(found.end(), "a space is expected after the name in quotes")
        return unquoted(found[0], place), found.end()
    if NAMELESS.match(text, place):
        raise Mistake(
            place, 'the name is missing before this part; if it is the name, put it in quotes: `service: "name"`'
        )
    part = PART.search(text, place)
    end = part.start() if part else len(text)
    if repeated := ASCII_COUNT.search(text, place, end):
        tail = text[repeated.end() : end].strip()
        end = end if tail else repeated.start()  # with words after it, x2 is a part of the name: scale x2 image
    name = text[place:end].rstrip()
    if (tab := name.find("\t")) >= 0:
        raise Mistake(place + tab, "there is a tab in the name; write a space, or put the name in quotes with \\t")
    return name, end


def _read_parts(text: str, place: int) -> Iterator[_Part]:
    while place < len(text):
        begin = place + len(text[place:]) - len(text[place:].lstrip())
        if begin == len(text):
            return
        if text[begin] == "#" and begin > place:
            yield _Part(6, begin, len(text), "comment", text[place:].rstrip())
            return
        if begin == place:
            raise Mistake(begin, "a space is expected before this")
        if "\t" in text[place:begin]:
            raise Mistake(place + text[place:begin].find("\t"), "there is a tab before this part; write a space")
        part = _read_part(text, begin)
        yield part
        place = part.end


def _read_part(text: str, begin: int) -> _Part:
    first = text[begin]
    if first == "(":
        return _read_kind(text, begin)
    if first == "!":
        return _read_error(text, begin)
    if first == "{":
        conditions, end = read_conditions(text, begin)
        return _Part(2, begin, end, "attributes", conditions)
    if budget := BUDGET.match(text, begin):
        written = re.sub(r"\s", "", budget[0])
        return _Part(3, begin, budget.end(), "budgets", read_budget(written, begin))
    if count := COUNT.match(text, begin):
        return _Part(4, begin, count.end(), "count", read_count(re.sub(r"\s", "", count[0]), begin))
    word = text[begin:].split(maxsplit=1)[0]
    if re.fullmatch(r"=?\d+(?:\.\d+)?(?:ns|us|ms|s|%)", word):
        raise Mistake(begin, f"a duration has a comparison before it; write <{word.lstrip('=')}")
    raise Mistake(begin, f"{word} is no part of a line `{FORM}`; if it is part of the name, put the name in quotes")


def _read_kind(text: str, begin: int) -> _Part:
    found = KIND.match(text, begin)
    if found is None:
        raise Mistake(begin, "this ( has no end; write (client), or put the name in quotes if it is a part of it")
    kind, known = found[1], ("any", *KINDS)
    if kind in known:
        return _Part(0, begin, found.end(), "kind", kind)
    words = re.split(r"[ ,|/]+", kind.lower())
    if len(words) > 1 and all(word in {*known, "or"} for word in words):
        raise Mistake(begin, f"{found[0]} names several kinds; a line has one, and (any) accepts every kind")
    from difflib import get_close_matches  # slow to import, and seldom needed

    near = get_close_matches(kind.lower(), known, 1)
    meant = f"; did you mean ({near[0]})?" if near else f": the kinds are {', '.join(known)}."
    raise Mistake(begin, f"{found[0]} is not a kind{meant} If it is part of the name, put the name in quotes")


def _read_error(text: str, begin: int) -> _Part:
    found = ERROR.match(text, begin)
    assert found is not None
    if (found[1] or "").startswith("="):
        raise Mistake(begin, "a failure is written as ! or !error.type; put the name in quotes if this is a part of it")
    return _Part(1, begin, found.end(), "error", unquoted(found[1] or "", begin + 1))


NOUNS = ("kind", "error", "list of attributes", "duration", "count")


def _check_order(text: str, parts: list[_Part], line: Line) -> None:
    for before, part in pairwise(parts):
        this, that = text[part.begin : part.end], text[before.begin : before.end]
        if part.rank == before.rank and part.field != "budgets":
            raise Mistake(part.begin, f"{this} is a second {NOUNS[part.rank]} after {that}; a line has one")
        if part.rank < before.rank:
            if sum(other.rank == part.rank for other in parts) > 1 and part.field != "budgets":
                raise Mistake(part.begin, f"{this} is a second {NOUNS[part.rank]}; a line has one")
            raise Mistake(part.begin, f"{this} belongs before {that}; write `{line}`")
