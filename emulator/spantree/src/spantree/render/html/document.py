"""Puts page, style, script and data together into one file, which opens from disk and loads nothing else."""

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
"""The parts of the script, each after the parts that it uses while it is loaded."""

LONGEST_TITLE = 120
ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
"""JSON escapes for the characters that could end a script element or begin a comment in it.

https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements
"""


def html_document(traces: Sequence[SpanTree], *, vocabulary: Vocabulary = PLAIN) -> str:
    """Return a page that shows traces as waterfalls: one file, to be opened from disk, mailed or printed.

    Texts of spans cannot become markup: they are JSON in an element that is not executed, and become text nodes. The
    page's content security policy allows its own script only, and no loading.
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
    """Return the text of a file in `assets`."""
    return files("spantree.render.html").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def waterfall_script() -> str:
    """Return the script that defines `waterfall(place)`, and the functions that a page may use beside it."""
    parts = "\n".join(asset(name) for name in SCRIPTS)
    shared = "{ button, element, formatDuration, waterfall }"
    return f'const {shared} = (() => {{\n"use strict";\n{parts}\nreturn {shared};\n}})();'


def json_for_html(data: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return data as JSON for a script element: ASCII only, and without characters that have a meaning in HTML."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).translate(ESCAPED)


def policy(script: str, style: str, more: Iterable[str] = ()) -> str:
    """Return a content security policy that allows this script, styles from the source `style`, and what `more` says.

    A source is written as in a policy, for instance by `hash_source`.
    """
    rules = ("default-src 'none'", f"script-src {hash_source(script)}", f"style-src {style}", "base-uri 'none'")
    return "; ".join((*rules, "form-action 'none'", *more))


def hash_source(text: str) -> str:
    """Return the source by which a content security policy allows this one inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _title(traces: Sequence[SpanTree]) -> str:
    if len(traces) != 1:
        return f"{len(traces)} traces"
    root = traces[0].roots[0]
    return f"{root.service}: {root.name}"[:LONGEST_TITLE]
