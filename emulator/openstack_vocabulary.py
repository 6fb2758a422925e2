"""What the renderers need to know about the emulated cloud: colours, and attributes of steps, faults and messages."""

from emulator.services.registry import SERVICES
from spantree.render.vocabulary import Vocabulary

__all__ = ["OPENSTACK"]

OPENSTACK = Vocabulary(
    colours={"openstack-client": "#6d7c8f", **{row.name: row.colour for row in SERVICES.values()}},
    step_attribute="openstack.boot.step",
    step_source="Figure 1.8",
    fault_attribute="openstack.fault.name",
    operation_attribute="openstack.rpc.method",
    delivery_remarks={
        "openstack.amqp.redelivered": "delivered again",
        "openstack.amqp.duplicate": "a duplicate",
        "openstack.amqp.dead_letter.reason": "a dead letter",
    },
)
"""The vocabulary of this emulator's traces. `Figure 1.8` is the boot sequence of the book that it re-enacts."""
