"""Which problems to ignore: `rule`, `rule:service` or `rule:service:name`, where `*` and `?` stand for other text."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from spantree.span import Span

__all__ = ["Ignored", "parse_ignored"]

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Ignored:
    """What one entry ignores. Patterns match whole texts."""

    rule: str
    service: str = EVERYTHING
    name: str = EVERYTHING

    @property
    def whole(self) -> bool:
        """Whether it ignores the rule for every span."""
        return self.service == self.name == EVERYTHING

    def matches(self, span: Span) -> bool:
        """Return whether it ignores the rule for this span."""
        return bool(_pattern(self.service)(span.service) and _pattern(self.name)(span.name))


def parse_ignored(entries: Iterable[str], rules: Collection[str]) -> list[Ignored]:
    """Read entries such as `client-without-server:shop:GET *`. Raises ValueError for an unknown rule."""
    __tracebackhide__ = True
    if isinstance(entries, str):
        raise ValueError(f"ignore is the text {entries!r}: write a list, [{entries!r}]")  # noqa: TRY004 - one kind of error
    parsed = [Ignored(*(part.strip() or EVERYTHING for part in entry.split(":", 2))) for entry in entries]
    if unknown := sorted({each.rule for each in parsed} - {*rules, EVERYTHING}):
        raise ValueError(f"there is no rule {', '.join(unknown)}; the rules are {', '.join(rules)}")
    return parsed


Match: TypeAlias = Callable[[str], "re.Match[str] | None"]


@cache
def _pattern(glob: str) -> Match:
    # Not fnmatch: brackets are ordinary characters in the names of spans, as in GET /orders/[id].
    text = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.DOTALL).fullmatch
