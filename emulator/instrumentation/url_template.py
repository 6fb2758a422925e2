"""A URL that is made from a template and its values, so that `url.template` and `url.full` cannot disagree."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from yarl import URL

__all__ = ["TemplatedUrl"]

PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class TemplatedUrl:
    """`base` followed by `path`, in which `{name}` stands for `values["name"]`, and by `query`.

    `base` is where a service is, such as `http://shop:8080/v1`; its own path becomes a part of the template. Write
    `path` as the server writes its `http.route`, so that both spans of a call have the same name. A value is one
    segment: what it holds never changes the route. In `query`, a sequence is a name that occurs several times.
    Raises ValueError if `path` and `values` have different names.
    """

    base: str
    path: str
    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(PLACEHOLDER.findall(self.path)) != set(self.values):
            raise ValueError(f"{self.path} was given values for {', '.join(sorted(self.values)) or 'nothing'}")

    @property
    def template(self) -> str:
        """The value of `url.template`: an absolute path, with few values ("URL", `url.template`)."""
        base = self._base()
        return self.path if base is None else _root(base) + self.path

    @property
    def url(self) -> URL | str:
        """The URL, encoded; text if `base` is not a URL, which the HTTP client is to complain about."""
        base = self._base()
        filled = PLACEHOLDER.sub(lambda placeholder: _segment(self.values[placeholder[1]]), self.path)
        if base is None:
            return self.base + filled
        return base.with_path(_root(base) + filled, encoded=True).with_query(self.query or None)

    def _base(self) -> URL | None:
        try:
            base = URL(self.base)
        except ValueError:
            return None
        return base if base.absolute or self.base[:1] in {"", "/"} else None  # relative to the session's `base_url`


def _root(base: URL) -> str:
    return base.raw_path.rstrip("/")


def _segment(value: str) -> str:
    """Quote a value as one segment of a path. Servers would resolve `.` and `..` (RFC 3986, section 5.2.4)."""
    quoted = quote(value, safe="")
    return quoted.replace(".", "%2E") if quoted in {".", ".."} else quoted
