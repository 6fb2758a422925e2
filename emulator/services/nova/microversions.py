"""Which version of nova's API a request speaks: 2.1 unless it says so."""

import re

from aiohttp import web

__all__ = ["microversion"]


def microversion(request: web.Request) -> tuple[int, int]:
    """Return the version that the headers of a request name."""
    said = request.headers.get("OpenStack-API-Version", "") or request.headers.get("X-OpenStack-Nova-API-Version", "")
    if said.endswith("latest"):
        return 2, 96
    found = re.fullmatch(r"(?:compute )?(\d)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (2, 1)
