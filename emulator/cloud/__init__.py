"""The emulated cloud as a whole: which services run, where they listen, and on which message bus they meet.

The composition root: it knows the services by the registry alone, and gives each what it needs as values.
`background` is for tests, and is imported on its own.
"""

from emulator.cloud.composition import Cloud, run_cloud, run_service
from emulator.cloud.listeners import PortInUse, listen
from emulator.cloud.settings import BUILD_SECONDS, COMPUTES, Settings
from emulator.runtime.amqp_connection import AlreadyRunning, QueueType
from emulator.runtime.request_context import MessagingContext

__all__ = [
    "BUILD_SECONDS",
    "COMPUTES",
    "AlreadyRunning",
    "Cloud",
    "MessagingContext",
    "PortInUse",
    "QueueType",
    "Settings",
    "listen",
    "run_cloud",
    "run_service",
]
