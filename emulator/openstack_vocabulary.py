"""What pictures have to know about the emulated cloud: colours, and the attributes of steps, faults and messages."""

from spantree.render.vocabulary import Vocabulary

__all__ = ["OPENSTACK"]

OPENSTACK = Vocabulary(
    colours={
        "openstack-client": "#6d7c8f",
        "nova-api": "#337cda",
        "nova-scheduler": "#0097a5",
        "nova-compute": "#8e57d8",
        "keystone": "#be7c09",
        "neutron-server": "#2e9848",
        "glance-api": "#d14ba0",
    },
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
