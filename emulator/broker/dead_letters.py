"""Dead lettering: where a queue sends rejected messages, and the `x-death` history in their headers.

A RabbitMQ extension: https://www.rabbitmq.com/docs/dlx. Only the reason `rejected` exists here: queues have no TTL and
no length limit.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pamqp.header import ContentHeader

from emulator.broker.errors import PreconditionFailed
from emulator.broker.queues import DeadLetterTarget, Message

__all__ = ["dead_letter", "dead_letter_target"]

EXCHANGE, ROUTING_KEY = "x-dead-letter-exchange", "x-dead-letter-routing-key"


def dead_letter_target(queue: str, arguments: Mapping[str, Any]) -> DeadLetterTarget | None:
    """Read the dead-letter arguments of a `queue.declare`. Raises PreconditionFailed if they are invalid."""
    exchange, key = arguments.get(EXCHANGE), arguments.get(ROUTING_KEY)
    for name, value in ((EXCHANGE, exchange), (ROUTING_KEY, key)):
        if not isinstance(value, str | None):
            raise PreconditionFailed(
                f"invalid arg '{name}' for queue '{queue}' in vhost '/': {value!r} is not a string"
            )
    if exchange is None and key is not None:
        raise PreconditionFailed(f"invalid arg '{ROUTING_KEY}' for queue '{queue}' in vhost '/': no {EXCHANGE} given")
    return None if exchange is None else DeadLetterTarget(exchange, key)


def dead_letter(message: Message, queue: str, target: DeadLetterTarget) -> Message:
    """Return the message to publish to the dead-letter exchange for one that was rejected from `queue`."""
    header: Any = ContentHeader()
    header.unmarshal(message.header)
    headers: dict[str, Any] = _encodable(header.properties.headers or {})
    headers.setdefault("x-first-death-exchange", message.exchange)
    headers.setdefault("x-first-death-queue", queue)
    headers.setdefault("x-first-death-reason", "rejected")
    headers["x-death"] = _deaths(headers.get("x-death"), message, queue)
    header.properties.headers = headers
    routing_key = message.routing_key if target.routing_key is None else target.routing_key
    return replace(
        message,
        exchange=target.exchange,
        routing_key=routing_key,
        header=header.marshal(),
        position=0,
        redelivered=False,
    )


def _encodable(value: Any) -> Any:  # noqa: ANN401 - any field of a table
    """Return a decoded field so that pamqp can encode it: it decodes strings that are not UTF-8 to bytes."""
    if isinstance(value, dict):
        return {key: _encodable(field) for key, field in value.items()}
    if isinstance(value, list):
        return [_encodable(field) for field in value]
    return bytearray(value) if isinstance(value, bytes) else value  # pamqp encodes bytearray, but not bytes


def _deaths(header: Any, message: Message, queue: str) -> list[dict[str, Any]]:  # noqa: ANN401 - any header a client sent
    """Return the new `x-death`, latest first. Deaths in the same queue for the same reason share one entry's count."""
    known = [death for death in header if isinstance(death, dict)] if isinstance(header, list) else []
    same = [death for death in known if (death.get("queue"), death.get("reason")) == (queue, "rejected")]
    count = max((death["count"] for death in same if isinstance(death.get("count"), int)), default=0)
    latest = {
        "count": count + 1,
        "reason": "rejected",
        "queue": queue,
        "time": datetime.now(UTC).replace(microsecond=0),
        "exchange": message.exchange,
        "routing-keys": [message.routing_key],
    }
    return [latest, *(death for death in known if death not in same)]
