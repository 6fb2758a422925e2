"""Nova's records, as in `nova.objects`: servers, flavors, key pairs, quotas and instance actions, kept in memory."""

from emulator.services.nova.objects.flavor import FLAVORS, Flavor, FlavorNotFound, Flavors
from emulator.services.nova.objects.instance_action import (
    INSTANCE_ACTIONS,
    InstanceAction,
    InstanceActions,
    InstanceEvent,
)
from emulator.services.nova.objects.keypair import KEYPAIRS, Keypair, Keypairs
from emulator.services.nova.objects.quotas import QUOTAS, Quotas
from emulator.services.nova.objects.server import SERVERS, Lifetime, Server, ServerOptions, Servers
from emulator.services.nova.objects.states import InstanceInvalidState, InstanceNotFound, InstanceNotReady

__all__ = [
    "FLAVORS",
    "INSTANCE_ACTIONS",
    "KEYPAIRS",
    "QUOTAS",
    "SERVERS",
    "Flavor",
    "FlavorNotFound",
    "Flavors",
    "InstanceAction",
    "InstanceActions",
    "InstanceEvent",
    "InstanceInvalidState",
    "InstanceNotFound",
    "InstanceNotReady",
    "Keypair",
    "Keypairs",
    "Lifetime",
    "Quotas",
    "Server",
    "ServerOptions",
    "Servers",
]
