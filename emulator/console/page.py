"""The console's page: its parts put together once, with what can be ordered from it."""

from functools import cache
from importlib.resources import files
from string import Template

from emulator.client import MAX_CONCURRENT_BOOTS
from emulator.console.security import TOKEN_HEADER
from emulator.faults import FAULTS
from emulator.services.seed_data import FLAVORS, IMAGES, NETWORKS
from emulator.urls import without_user
from spantree.render.html import asset, json_for_html, policy, waterfall_script

__all__ = ["console_page", "console_policy"]


def console_page(token: str, instance: str, jaeger_url: str | None, *, faults: bool) -> str:
    """Return the page. It holds the `token` that its orders must carry, which other sites' pages cannot read.

    A page that hears of another `instance` than its own, since the emulator was started again, loads itself anew.
    """
    known = {
        "token": token,
        "instance": instance,
        "tokenHeader": TOKEN_HEADER,
        "jaeger": without_user(jaeger_url or "").rstrip("/"),
        "mostAtOnce": MAX_CONCURRENT_BOOTS,
        "images": [image.name for image in IMAGES],
        "flavors": [flavor.name for flavor in FLAVORS],
        "networks": [network.name for network in NETWORKS],
        "faults": [{"name": fault.name, "lesson": fault.lesson} for fault in FAULTS.values()] if faults else [],
    }
    parts = {"style": _style(), "script": _script(), "known": json_for_html(known)}
    return Template(_own("console.html")).substitute(parts)


@cache
def console_policy() -> str:
    """Return the content security policy of the page: its own script, and news from where it came from.

    Diagrams bring their style along, as elements and attributes of SVG.
    """
    more = ("connect-src 'self'", "img-src data:", "frame-ancestors 'none'")
    return policy(_script(), "'unsafe-inline'", more)


@cache
def _style() -> str:
    return asset("waterfall.css") + _own("console.css")


@cache
def _script() -> str:
    parts = ("elements.js", "form.js", "servers.js", "queues.js", "stories.js", "sequence.js", "console.js")
    return f'{waterfall_script()}\n(() => {{\n"use strict";\n{"".join(_own(part) for part in parts)}}})();'


def _own(name: str) -> str:
    return files("emulator.console").joinpath("assets", name).read_text(encoding="utf-8")
