"""The one file: page, style, script and data put together, so that it opens from disk and asks nobody for anything."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from spantree import SpanTree, escaped
from spantree.render.html.model import waterfall_model
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["asset", "hash_source", "html_document", "json_for_html", "policy", "waterfall_script"]

SCRIPTS = (
    "dom.js",
    "durations.js",
    "forest.js",
    "view.js",
    "ruler.js",
    "overview.js",
    "row.js",
    "arrows.js",
    "tooltip.js",
    "details.js",
    "list.js",
    "search.js",
    "build.js",
    "pointer.js",
    "keys.js",
    "waterfall.js",
)
"""In the order in which they build on each other."""

LARGEST_TITLE = 120
UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
"""What would end a script element, or begin a comment in it, written as JSON may write it."""


def html_document(traces: Sequence[SpanTree], *, vocabulary: Vocabulary = PLAIN) -> str:
    """Return a page that shows traces as waterfalls: one file, which may be opened from disk, mailed and printed.

    Nothing that comes from spans is markup there: it is JSON in an element that does not run, and becomes text nodes.
    The policy in the page lets nothing but its own script run, and nothing be loaded.
    """
    style, script = asset("waterfall.css"), f"{waterfall_script()}\n{asset('page.js')}"
    return Template(asset("page.html")).substitute(
        policy=policy(script, hash_source(style)),
        title=escape(escaped(_title(traces))),
        style=style,
        script=script,
        data=json_for_html(waterfall_model(traces, vocabulary=vocabulary)),
    )


@cache
def asset(name: str) -> str:
    """Return a file that the page is made from."""
    return files("spantree.render.html").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def waterfall_script() -> str:
    """Return what defines `waterfall(place)` and what a page is made with beside it; a page can see nothing else."""
    parts = "\n".join(asset(name) for name in SCRIPTS)
    shared = "{ button, element, formatDuration, waterfall }"
    return f'const {shared} = (() => {{\n"use strict";\n{parts}\nreturn {shared};\n}})();'


def json_for_html(data: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return data as JSON that can stand in a script element: ASCII, and no character that means something to HTML."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).translate(UNSAFE)


def policy(script: str, style: str, more: Iterable[str] = ()) -> str:
    """Return a content security policy: this script may run, the style come from `style`, and nothing else but `more`.

    `style` is a source as the policy names them, `hash_source(…)` for one.
    """
    rules = ("default-src 'none'", f"script-src {hash_source(script)}", f"style-src {style}", "base-uri 'none'")
    return "; ".join((*rules, "form-action 'none'", *more))


def hash_source(text: str) -> str:
    """Return how a content security policy names this one inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _title(traces: Sequence[SpanTree]) -> str:
    if len(traces) != 1:
        return f"{len(traces)} traces"
    root = traces[0].roots[0]
    return f"{root.service}: {root.name}"[:LARGEST_TITLE]
