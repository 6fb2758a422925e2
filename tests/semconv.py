"""Condenses the published semantic conventions to what `check` needs: `uv run python -m tests.semconv DIRECTORY`.

The directory is a checkout of a release of github.com/open-telemetry/semantic-conventions (Apache-2.0): its `model` has
the attributes, and its `schemas` have older names that the model no longer lists.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from spantree.lint.registry import Attribute
from spantree.lint.registry_yaml import REMOVED, read_registry

CONDENSED = Path(__file__).parent.parent / "emulator/spantree/src/spantree/lint/semconv.json"
VALID = {"exception.escaped", "telemetry.auto.version", "state", "pool.name", "event.name"}
"""Deprecated, but not to be reported. SDKs and distributions write the first two on their own, so nobody could act. The
next three are of metrics and log records; on a span they are an application's own names."""
OLDER = {
    "client.socket.address": "network.peer.address",
    "client.socket.port": "network.peer.port",
    "messaging.consumer_id": "messaging.client.id",
    "messaging.destination_kind": REMOVED,
    "messaging.message.payload_compressed_size_bytes": REMOVED,
    "messaging.message_payload_compressed_size_bytes": REMOVED,
    "messaging.protocol": "network.protocol.name",
    "messaging.protocol_version": "network.protocol.version",
    "messaging.temp_destination": "messaging.destination.temporary",
    "messaging.url": "Replaced by server.address and server.port.",
    "server.socket.address": "Replaced by network.peer.address on client spans, network.local.address on server spans.",
    "server.socket.domain": REMOVED,
    "server.socket.port": "Replaced by network.peer.port on client spans, network.local.port on server spans.",
}
"""Renamed or removed before the conventions kept lists of what they deprecate; from Python's opentelemetry.semconv."""


def main() -> None:
    directory = Path(sys.argv[1])
    version = max((file.name for file in (directory / "schemas").iterdir()), key=numbers)
    attributes = {name: judged(name, attribute) for name, attribute in read_registry(directory / "model").items()}
    renamed = {**dict(renames(directory / "schemas" / version)), **OLDER}
    for name in renamed:
        if name not in attributes and name != "io.state":  # a slip in a schema file, for ios.state
            attributes[name] = judged(name, Attribute("any", latest(name, renamed, attributes)))
    lines = [f"{json.dumps(name)}: {json.dumps(row(attribute))}" for name, attribute in sorted(attributes.items())]
    source = f"github.com/open-telemetry/semantic-conventions v{version}, Apache-2.0, condensed by tests/semconv.py"
    CONDENSED.write_text(f'{{"source": "{source}",\n"attributes": {{\n' + ",\n".join(lines) + "\n}}\n")


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def judged(name: str, attribute: Attribute) -> Attribute:
    """Clear what is only called deprecated: names that moved to a repository of their own are still valid."""
    if name in VALID:
        return Attribute("any")  # Python's SDK writes exception.escaped as a text
    return Attribute(attribute.type) if attribute.deprecated.startswith("Moved to") else attribute


def renames(schema: Path) -> Iterator[tuple[str, str]]:
    """Yield every renamed attribute, from the oldest version of the conventions to the latest."""
    versions = yaml.safe_load(schema.read_text())["versions"]
    for version in sorted(versions, key=numbers):
        for signal in ("all", "resources", "spans", "span_events"):
            changes: list[dict[str, Any]] = ((versions[version] or {}).get(signal) or {}).get("changes") or []
            for change in changes:
                yield from change.get("rename_attributes", {}).get("attribute_map", {}).items()


def latest(name: str, renamed: dict[str, str], attributes: dict[str, Attribute]) -> str:
    """Follow the renames to the name of today, or to the sentence that replaces it."""
    while name in renamed and (name not in attributes or attributes[name].type == "any"):
        name = renamed[name]
    return (attributes[name].deprecated if name in attributes else "") or name


def row(attribute: Attribute) -> list[str]:
    return [attribute.type, attribute.deprecated] if attribute.deprecated else [attribute.type]


if __name__ == "__main__":
    main()
