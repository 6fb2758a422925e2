"""The templates of the APIs' URLs, for a client whose own code makes its URLs in many places: the stock one.

They are the routes of the emulated services, so a call has the same template as its server's `http.route`.
"""

import re
from functools import cache

from emulator.services.auth import Tokens
from emulator.services.config import ServiceConfig
from emulator.services.registry import APIS, SERVICES

__all__ = ["api_template"]

PLACEHOLDER = re.compile(r"\{(\w+)(?::[^{}]+)?\}")
"""A variable part of an aiohttp route, with or without a regular expression."""


def api_template(path: str) -> str | None:
    """Return the template of a path, such as `/v2.1/servers/{server_id}`; None if no API of the emulator has it."""
    return next((template for template, pattern in _templates() if pattern.fullmatch(path)), None)


@cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    """Return all templates, and what matches them; those with few placeholders come first, as in aiohttp's router."""
    config = ServiceConfig(
        tokens=Tokens(""), endpoints=dict.fromkeys(APIS, "http://localhost"), build_seconds=0, revocation_seconds=0
    )
    services = [SERVICES[name].factory()(config) for name in APIS]
    paths = {route.path for service in services for route in (*service.public, *service.routes)}
    return [(PLACEHOLDER.sub(r"{\1}", path), _pattern(path)) for path in sorted(paths, key=_placeholders)]


def _placeholders(path: str) -> int:
    return len(PLACEHOLDER.findall(path))


def _pattern(path: str) -> re.Pattern[str]:
    literals = PLACEHOLDER.split(path)[::2]  # every other part is the name of a placeholder
    return re.compile("[^/]+".join(map(re.escape, literals)))
