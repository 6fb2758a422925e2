"""Which attributes are known. The published semantic conventions are data beside this file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

__all__ = ["Attribute", "Registry", "published", "registry_of"]

TEMPLATE = "template["


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a registry says about an attribute.

    `type` is written as in the registry: `string`, `int[]`, `template[string[]]`; an enum has the type of its members.
    `deprecated` is the replacement, a name or a sentence; `""` if the attribute is valid.
    """

    type: str
    deprecated: str = ""

    @property
    def is_template(self) -> bool:
        """Whether it stands for all names that begin with its own and a dot."""
        return self.type.startswith(TEMPLATE)

    @property
    def value_type(self) -> str:
        """The type of a value; for a template, that of each attribute for which it stands."""
        return self.type.removeprefix(TEMPLATE).removesuffix("]") if self.is_template else self.type


@dataclass(frozen=True, slots=True)
class Registry:
    """Attributes by name."""

    attributes: Mapping[str, Attribute]
    namespaces: frozenset[str]
    """The first parts of the names that have several."""

    def find(self, key: str) -> tuple[str, Attribute] | None:
        """Return the attribute of this name, or the template that covers it, with the name in the registry."""
        attribute, name = self.attributes.get(key), key
        while attribute is None and "." in name:
            name = name.rpartition(".")[0]
            template = self.attributes.get(name)
            attribute = template if template is not None and template.is_template else None
        return None if attribute is None else (name, attribute)

    def replacement(self, key: str) -> str:
        """Return what replaces a deprecated attribute, a name or a sentence; `""` if it is valid or unknown."""
        found = self.find(key)
        if found is None:
            return ""
        name, attribute = found
        instead = attribute.deprecated
        return instead + key.removeprefix(name) if instead and " " not in instead else instead


def registry_of(attributes: Mapping[str, Attribute]) -> Registry:
    """Return a registry of these attributes."""
    return Registry(attributes, frozenset(name.partition(".")[0] for name in attributes if "." in name))


@cache
def published() -> Registry:
    """Return the published semantic conventions. `python -m tests.semconv` writes the file."""
    from importlib.resources import files  # only some rules need the registry, and it takes time to import

    text = files("spantree").joinpath("lint", "semconv.json").read_text("utf-8")
    return registry_of({name: Attribute(*described) for name, described in json.loads(text)["attributes"].items()})
