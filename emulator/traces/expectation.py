"""A tree of spans as it should be, in a text that is easy to read and to write.

A line is a span, indentation its place. After `service: name` come, as far as they matter,

- the kind in parentheses, `(client)`; a span without one is internal,
- `!` and the `error.type` of a span that failed; a span without it did not fail,
- attributes in braces, `{name}` or `{name=value}`, with a comma between; a value may stand in double quotes,
- `+` for one or more of the same, one after the other.
"""

import re
from dataclasses import dataclass, field

from emulator.traces.span import Span
from emulator.traces.tree import SpanTree

__all__ = ["Expectation", "Mismatch", "parse_tree"]

LINE = re.compile(
    r"(?P<indent> *)(?P<service>[^:]+): (?P<name>.+?)"
    r"(?: \((?P<kind>\w+)\))?(?: !(?P<error>\S+))?(?: \{(?P<attributes>[^}]*)\})?(?P<repeated> \+)?"
)


ATTRIBUTE = re.compile(r"\s*(?P<key>[^\s,=]+)(?:=(?:\"(?P<quoted>[^\"]*)\"|(?P<value>[^,]*)))?\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first place where a trace is not as expected. `path` leads there, from the root down."""

    path: tuple[str, ...]
    expected: str
    found: str

    def __str__(self) -> str:
        where = "".join(f"\n{'  ' * depth}{line}" for depth, line in enumerate(self.path))
        return f"below{where}\n  expected: {self.expected}\n  found:    {self.found}"


@dataclass(slots=True)
class Expectation:
    """An expected span, with those below it."""

    service: str
    name: str
    kind: str = "internal"
    error: str = ""
    attributes: dict[str, str | None] = field(default_factory=dict)
    repeated: bool = False
    children: list["Expectation"] = field(default_factory=list)

    def __str__(self) -> str:
        kind = "" if self.kind == "internal" else f" ({self.kind})"
        error = f" !{self.error}" if self.error else ""
        pairs = ", ".join(_pair(key, value) for key, value in self.attributes.items())
        attributes = f" {{{pairs}}}" if pairs else ""
        return f"{self.service}: {self.name}{kind}{error}{attributes}{' +' if self.repeated else ''}"

    def compare(self, trace: SpanTree) -> Mismatch | None:
        """Return the first difference between a trace and this tree, None if there is none."""
        return _compare_children([self], trace.roots, trace, ())

    def difference(self, span: Span) -> str:
        """Say in what a span is not the expected one, children apart; "" if it is."""
        if (span.service, span.name, span.kind) != (self.service, self.name, self.kind):
            return str(span)
        if span.error_type != self.error or span.failed != bool(self.error):
            return f"{span} !{span.error_type or 'failed'}" if span.failed else f"{span}, which did not fail"
        for key, value in self.attributes.items():
            if key not in span.attributes:
                return f"{span} without {key}"
            if value is not None and str(span.attributes[key]) != value:
                return f"{span} with {key}={span.attributes[key]}"
        return ""


def parse_tree(text: str) -> Expectation:
    """Read an expected tree. Empty lines and lines that begin with `#` are left out.

    Raises ValueError, naming the line, for what is not a span or does not fit below the one before.
    """
    branch: list[tuple[int, Expectation]] = []
    root: Expectation | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = LINE.fullmatch(line.rstrip())
        if found is None:
            raise ValueError(f"line {number} is not `service: name (kind)`: {line!r}")
        expected = _expectation(found)
        indent = len(found["indent"])
        while branch and branch[-1][0] >= indent:
            branch.pop()
        if branch:
            branch[-1][1].children.append(expected)
        elif root is None:
            root = expected
        else:
            raise ValueError(f"line {number} is a second root: {line!r}")
        branch.append((indent, expected))
    if root is None:
        raise ValueError("the tree is empty")
    return root


def _expectation(found: re.Match[str]) -> Expectation:
    pairs = ATTRIBUTE.finditer(found["attributes"] or "")
    return Expectation(
        found["service"],
        found["name"],
        found["kind"] or "internal",
        found["error"] or "",
        {pair["key"]: pair["value"] if pair["quoted"] is None else pair["quoted"] for pair in pairs},
        bool(found["repeated"]),
    )


def _pair(key: str, value: str | None) -> str:
    if value is None:
        return key
    return f'{key}="{value}"' if "," in value else f"{key}={value}"


def _compare_children(
    expected: list[Expectation], found: list[Span], trace: SpanTree, path: tuple[str, ...]
) -> Mismatch | None:
    waiting = list(found)
    for wanted in expected:
        count = 0
        while waiting and (count == 0 or wanted.repeated):
            difference = wanted.difference(waiting[0])
            if difference and count == 0:
                return Mismatch(path, str(wanted), difference)
            if difference:
                break
            span = waiting.pop(0)
            below = _compare_children(wanted.children, trace.children(span), trace, (*path, str(span)))
            if below is not None:
                return below
            count += 1
        if count == 0:
            return Mismatch(path, str(wanted), "nothing")
    if waiting:
        return Mismatch(path, "nothing more", str(waiting[0]))
    return None
