"""Module paths of ours, wherever they have leaked to."""

import re
from collections.abc import Iterable
from pathlib import Path

import emulator
from spantree import SpanTree, otlp_json

ROOMS = "|".join(sorted(path.stem for path in Path(emulator.__file__).parent.iterdir()))
MODULE_PATH = re.compile(rf"\b(?:emulator\.(?:{ROOMS}|elsewhere)|spantree)\.\w[\w.]*")
STACKTRACE = "exception.stacktrace"
"""It names files and modules by its nature."""


def module_paths_in(found: Iterable[SpanTree | object]) -> list[str]:
    """Return the module paths in traces, but for stack traces, or in other things as they are printed."""
    return [path for one in found for path in MODULE_PATH.findall(_shown(one))]


def _shown(one: SpanTree | object) -> str:
    if not isinstance(one, SpanTree):
        return repr(one)
    document = otlp_json(one.spans)
    for of_resource in document["resourceSpans"]:
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                for event in span["events"]:
                    event["attributes"] = [each for each in event["attributes"] if each["key"] != STACKTRACE]
    return repr(document)
