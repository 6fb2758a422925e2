"""Reads registries in the YAML of OpenTelemetry's Weaver, in both of its forms.

The first has `groups` whose attributes have an `id`, the second (`file_format: definition/2`) has `attributes` with a
`key`; see schemas/semconv-syntax.md and semconv-syntax.v2.md of Weaver 0.25. Only what concerns attributes is read.
`weaver registry check` judges the rest.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from spantree.lint.registry import Attribute, Registry, published, registry_of

__all__ = ["MalformedRegistry", "read_registry", "with_files"]

MANIFESTS = {"manifest.yaml", "registry_manifest.yaml"}
VALUE = r"(string|int|double|boolean|any)(\[\])?"
TYPE = re.compile(rf"{VALUE}|template\[{VALUE}\]")
TYPES = "string, int, double, boolean or any, a list of these (string[]), a template (template[string]), or members"
MEMBER_TYPES = {str: "string", int: "int", bool: "boolean", float: "double"}
REMOVED = "Removed without a replacement: leave it out, or give it a name of your own."
NOTHING = re.compile(r"(Removed|Deprecated)[,.] no replacement", re.IGNORECASE)
REPLACED = re.compile(r"(?:Replaced by|Use) ([\w.-]+?)(?: instead|, which has moved to .*)?\.?")


class MalformedRegistry(ValueError):
    """A registry that cannot be read. The message names the file, the group or attribute, and the field."""


def with_files(paths: Iterable[Path]) -> Registry:
    """Return the published registry with the attributes of these files and folders; a later definition wins.

    Raises MalformedRegistry, and OSError.
    """
    paths = tuple(paths)
    return _with_files(paths) if paths else published()


@cache
def _with_files(paths: tuple[Path, ...]) -> Registry:
    attributes = dict(published().attributes)
    for path in paths:
        attributes.update(read_registry(path))
    return registry_of(attributes)


def read_registry(path: Path) -> dict[str, Attribute]:
    """Read the attributes of a file, or of all *.yaml files below a folder. Raises MalformedRegistry, and OSError."""
    if not path.is_dir():
        return dict(_attributes(path))
    found = sorted(file for file in path.rglob("*.y*ml") if file.suffix in {".yaml", ".yml"})
    definitions = [file for file in found if file.name not in MANIFESTS]
    if not definitions:
        raise MalformedRegistry(f"{path}: there is no *.yaml file with definitions in this folder")
    return {name: attribute for file in definitions for name, attribute in _attributes(file)}


def _attributes(file: Path) -> Iterator[tuple[str, Attribute]]:
    document = _load(file)
    if not isinstance(document, dict):
        raise MalformedRegistry(f"{file}: is not a mapping with groups, or with attributes")
    version = document.get("file_format", "definition/2" if "groups" not in document else "groups")
    if "groups" in document:
        for group, place in _members(document, "groups", str(file), "id"):
            if group.get("prefix"):
                raise MalformedRegistry(f"{place}: prefix: Weaver has no prefixes any more; write the whole id instead")
            yield from _definitions(group, place, "id")
    elif version == "definition/2" and ("file_format" in document or "attributes" in document):
        yield from _definitions(document, str(file), "key")
    elif "file_format" in document:
        raise MalformedRegistry(f"{file}: file_format: {version!r} is not definition/2")
    else:
        raise MalformedRegistry(f"{file}: has neither groups nor attributes")


def _load(file: Path) -> Any:  # noqa: ANN401 - YAML holds anything
    try:
        import yaml
    except ImportError as error:
        raise MalformedRegistry(f"{file}: to read YAML, install the extra: pip install 'spantree[registry]'") from error
    try:
        return yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MalformedRegistry(f"{file}: is not YAML: {' '.join(str(error).split())}") from error


def _definitions(parent: dict[str, Any], place: str, key: str) -> Iterator[tuple[str, Attribute]]:
    for entry, where in _members(parent, "attributes", place, key):
        if "ref" in entry or "ref_group" in entry:
            continue
        name = entry.get(key)
        if not isinstance(name, str) or not name:
            raise MalformedRegistry(f"{where}: {key}: is missing" if name is None else f"{where}: {key}: is not a name")
        yield name, Attribute(_type(entry.get("type"), where), _deprecated(entry, where))


def _members(parent: dict[str, Any], field: str, place: str, key: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the mappings in a list, each with its place: the file, then names, or positions where there is no name."""
    members = parent.get(field) or []
    if not isinstance(members, list):
        raise MalformedRegistry(f"{place}: {field}: is not a list")
    for position, member in enumerate(members, 1):
        where = f"{place}: {field.removesuffix('s')} {position}"
        if not isinstance(member, dict):
            raise MalformedRegistry(f"{where}: is not a mapping")
        yield member, f"{place}: {field.removesuffix('s')} {member.get(key) or position}"


def _type(written: object, where: str) -> str:
    if isinstance(written, str) and TYPE.fullmatch(written):
        return written
    if isinstance(written, dict) and isinstance(written.get("members"), list) and written["members"]:
        return _member_type(written["members"], where)
    said = "is missing" if written is None else f"{written!r} is no type"
    raise MalformedRegistry(f"{where}: type: {said}; write {TYPES}")


def _member_type(members: list[Any], where: str) -> str:
    # A member without a value has its id as its value, since Weaver 0.25.
    values = [member.get("value", member.get("id")) if isinstance(member, dict) else None for member in members]
    types = {MEMBER_TYPES.get(type(value)) for value in values}
    only = types.pop()
    if types or only is None:
        raise MalformedRegistry(f"{where}: type: members: each needs an id, and all values must have the same type")
    return only


def _deprecated(entry: dict[str, Any], where: str) -> str:
    """Return the replacement, a name or a sentence."""
    deprecated = entry.get("deprecated")
    if deprecated is None:
        return ""
    if isinstance(deprecated, str):  # the form before Weaver 0.13
        return _sentence(deprecated)
    if not isinstance(deprecated, dict) or deprecated.get("reason") not in {"renamed", "obsoleted", "uncategorized"}:
        raise MalformedRegistry(f"{where}: deprecated: needs a reason: renamed, obsoleted or uncategorized")
    if deprecated["reason"] == "renamed":
        if not isinstance(deprecated.get("renamed_to"), str):
            raise MalformedRegistry(f"{where}: deprecated: renamed_to: is missing")
        return str(deprecated["renamed_to"])
    return _sentence(str(deprecated.get("note") or ""))


def _sentence(note: str) -> str:
    """Return a note without Markdown, as a sentence; the bare name if it only names the replacement."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(note.split())).replace("`", "")
    if not plain or NOTHING.match(plain):
        return REMOVED
    replaced = REPLACED.fullmatch(plain)
    return replaced[1] if replaced else plain.removesuffix(".") + "."
