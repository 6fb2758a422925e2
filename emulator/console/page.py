"""The console's page: one HTML document with its style and script, and the choices of its form."""

from functools import cache
from importlib.resources import files
from string import Template

from emulator.client import MAX_CONCURRENT_BOOTS
from emulator.console.security import TOKEN_HEADER
from emulator.faults import FAULTS
from emulator.services.seed_data import FLAVORS, IMAGES, NETWORKS
from emulator.urls import without_user
from spantree.render.html import asset, json_for_html, policy, waterfall_script

__all__ = ["console_page", "content_security_policy"]

SCRIPTS = ("elements.js", "boot_form.js", "servers.js", "queues.js", "requests.js", "sequence.js", "console.js")


def console_page(token: str, instance: str, jaeger_url: str | None, *, faults: bool) -> str:
    """Return the page. It contains the `token` that actions require, which pages of other sites cannot read.

    The page reloads when it gets an event from another `instance`, after a restart of the emulator.
    """
    config = {
        "token": token,
        "instance": instance,
        "tokenHeader": TOKEN_HEADER,
        "jaegerUrl": without_user(jaeger_url or "").rstrip("/"),
        "mostAtOnce": MAX_CONCURRENT_BOOTS,
        "images": [image.name for image in IMAGES],
        "flavors": [flavor.name for flavor in FLAVORS],
        "networks": [network.name for network in NETWORKS],
        "faults": [{"name": fault.name, "lesson": fault.lesson} for fault in FAULTS.values()] if faults else [],
    }
    parts = {"style": _style(), "script": _script(), "config": json_for_html(config)}
    return Template(_read_asset("console.html")).substitute(parts)


@cache
def content_security_policy() -> str:
    """Return the page's content security policy: only its own script, and connections only to this server.

    Styles are `unsafe-inline` because sequence diagrams contain style elements and attributes.
    """
    more = ("connect-src 'self'", "img-src data:", "frame-ancestors 'none'")
    return policy(_script(), "'unsafe-inline'", more)


@cache
def _style() -> str:
    return asset("waterfall.css") + _read_asset("console.css")


@cache
def _script() -> str:
    # In a function, so that the names of the scripts do not become global.
    return f'{waterfall_script()}\n(() => {{\n"use strict";\n{"".join(map(_read_asset, SCRIPTS))}}})();'


def _read_asset(name: str) -> str:
    return files("emulator.console").joinpath("assets", name).read_text(encoding="utf-8")
