"""What pictures may know about the traced system: its colours, and which attributes carry steps, faults and remarks.

Pictures themselves know no system. Whoever has one of their own passes a `Vocabulary` to what draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PLAIN", "Vocabulary"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that one system uses in its traces. Whatever is left empty is not drawn."""

    colours: Mapping[str, str] = field(default_factory=dict)
    """Colours of services by name, as `#rrggbb`. Every other service gets one by its name's hash."""
    step_attribute: str | None = None
    """Attribute with the comma-separated numbers of the steps that a span stands for, drawn as (1)(2): first the one
    of its request, then the one of its answer."""
    step_source: str = ""
    """What the steps are numbered in, for tooltips: `the sequence diagram of our handbook`."""
    fault_attribute: str | None = None
    """Attribute that names the fault which was injected into a span, drawn as a flag."""
    operation_attribute: str | None = None
    """Attribute that names what a message asks for, drawn instead of the message's destination."""
    delivery_remarks: Mapping[str, str] = field(default_factory=dict)
    """Attributes of a processed message that are worth a remark where they are set, and the remark."""


PLAIN = Vocabulary()
"""For systems that nothing is known about."""
