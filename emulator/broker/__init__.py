"""An AMQP 0-9-1 broker for one process: enough of RabbitMQ to run the services without one installed.

pamqp codes the frames; sockets, routing, queues and errors are here. State is in memory, gone when the broker stops.
"""

from emulator.broker.queues import Depth
from emulator.broker.server import Broker

__all__ = ["Broker", "Depth"]
