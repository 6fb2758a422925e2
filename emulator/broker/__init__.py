"""An AMQP 0-9-1 broker for one process: enough of RabbitMQ to run the services without installing it.

pamqp encodes and decodes frames; sockets, routing, queues and errors are here. All state is in memory.
"""

from emulator.broker.queues import Depth
from emulator.broker.server import Broker

__all__ = ["Broker", "Depth"]
