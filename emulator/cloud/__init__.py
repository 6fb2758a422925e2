"""The emulated cloud as a whole: which services run, where they listen, and on which message bus they meet.

The composition root: it knows the services by the registry alone, and gives each what it needs as values.
"""

from emulator.cloud.background import BackgroundCloud, background_cloud
from emulator.cloud.composition import Cloud, run_cloud, run_service
from emulator.cloud.listeners import PortInUse, listen
from emulator.cloud.settings import BUILD_SECONDS, COMPUTES, Settings
from emulator.runtime.amqp_connection import AlreadyRunning, QueueType
from emulator.runtime.request_context import MessagingContext

__all__ = [
    "BUILD_SECONDS",
    "COMPUTES",
    "AlreadyRunning",
    "BackgroundCloud",
    "Cloud",
    "MessagingContext",
    "PortInUse",
    "QueueType",
    "Settings",
    "background_cloud",
    "listen",
    "run_cloud",
    "run_service",
]
