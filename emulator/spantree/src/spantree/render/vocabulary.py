"""What pictures may know about the traced system: its colours, and which attributes carry steps, faults and remarks.

The renderers know no particular system. To draw yours in its own terms, pass them a `Vocabulary`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PLAIN", "Vocabulary"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that one system uses in its traces. What is left empty is not drawn."""

    colours: Mapping[str, str] = field(default_factory=dict)
    """Colours of services by name, as `#rrggbb`. Any other service gets one by the hash of its name."""
    step_attribute: str | None = None
    """Attribute with the comma-separated numbers of the steps that a span stands for, drawn as (1)(2): first that
    of its request, then that of its answer."""
    step_source: str = ""
    """Where the step numbers come from, for tooltips: `the sequence diagram of our handbook`."""
    fault_attribute: str | None = None
    """Attribute that names the fault which was injected into a span, drawn as a flag."""
    operation_attribute: str | None = None
    """Attribute that names what a message asks for, drawn instead of the message's destination."""
    delivery_remarks: Mapping[str, str] = field(default_factory=dict)
    """Remarks on deliveries, by the attribute of the process span that calls for the remark when it is set."""


PLAIN = Vocabulary()
"""The vocabulary for a system that nothing is known about."""
