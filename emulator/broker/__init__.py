"""An AMQP 0-9-1 broker for one process: enough of RabbitMQ to run services on, where none is installed.

Frames are coded by pamqp; sockets, routing, queues and errors are ours. What it holds is gone when it stops.
"""

from emulator.broker.queues import Depth
from emulator.broker.server import Broker

__all__ = ["Broker", "Depth"]
