"""Dead letters: where a queue sends what its consumers reject, and the history that such a message then carries.

As RabbitMQ does it (its page "Dead Letter Exchanges"): queue arguments name the exchange and the routing key, and the
headers tell which queue the message died in first, and how often in each.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pamqp.header import ContentHeader

from emulator.broker.errors import PreconditionFailed
from emulator.broker.queues import DeadLetters, Message

__all__ = ["dead_letters", "died"]

EXCHANGE, ROUTING_KEY = "x-dead-letter-exchange", "x-dead-letter-routing-key"


def dead_letters(queue: str, arguments: Mapping[str, Any]) -> DeadLetters | None:
    """Read the arguments of a queue that is to be. Raises PreconditionFailed for what makes no sense."""
    exchange, key = arguments.get(EXCHANGE), arguments.get(ROUTING_KEY)
    for name, value in ((EXCHANGE, exchange), (ROUTING_KEY, key)):
        if not isinstance(value, str | None):
            raise PreconditionFailed(f"invalid arg '{name}' for queue '{queue}' in vhost '/': {value!r} is no text")
    if exchange is None and key is not None:
        raise PreconditionFailed(f"invalid arg '{ROUTING_KEY}' for queue '{queue}' in vhost '/': without an exchange")
    return None if exchange is None else DeadLetters(exchange, key)


def died(message: Message, queue: str, to: DeadLetters) -> Message:
    """Return a message that was rejected from `queue` as it goes on."""
    header: Any = ContentHeader()
    header.unmarshal(message.header)
    headers: dict[str, Any] = _encodable(header.properties.headers or {})
    headers.setdefault("x-first-death-exchange", message.exchange)
    headers.setdefault("x-first-death-queue", queue)
    headers.setdefault("x-first-death-reason", "rejected")
    headers["x-death"] = _deaths(headers.get("x-death"), message, queue)
    header.properties.headers = headers
    routing_key = message.routing_key if to.routing_key is None else to.routing_key
    return replace(
        message, exchange=to.exchange, routing_key=routing_key, header=header.marshal(), number=0, redelivered=False
    )


def _encodable(value: Any) -> Any:  # noqa: ANN401 - any field of a table
    """Return a decoded field as pamqp encodes it again: text that is not UTF-8 it decodes to bytes, but takes none."""
    if isinstance(value, dict):
        return {key: _encodable(field) for key, field in value.items()}
    if isinstance(value, list):
        return [_encodable(field) for field in value]
    return bytearray(value) if isinstance(value, bytes) else value


def _deaths(before: Any, message: Message, queue: str) -> list[dict[str, Any]]:  # noqa: ANN401 - what a client sent
    """The history, the latest death first; what died in the same way before is counted."""
    known = [death for death in before if isinstance(death, dict)] if isinstance(before, list) else []
    same = [death for death in known if (death.get("queue"), death.get("reason")) == (queue, "rejected")]
    count = max((death["count"] for death in same if isinstance(death.get("count"), int)), default=0)
    death = {
        "count": count + 1,
        "reason": "rejected",
        "queue": queue,
        "time": datetime.now(UTC).replace(microsecond=0),
        "exchange": message.exchange,
        "routing-keys": [message.routing_key],
    }
    return [death, *(other for other in known if other not in same)]
