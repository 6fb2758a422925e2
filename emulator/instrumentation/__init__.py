"""The reference instrumentation: how aiohttp servers and clients and aio-pika messages become spans.

It knows OpenTelemetry, aiohttp and aio-pika, and nothing of OpenStack or of the rest of the emulator. README.md beside
this file says how to use it elsewhere. Import the modules `http_server`, `http_client`, `messaging` and `export` by
themselves: a client without a message bus does not need aio-pika.
"""

from emulator.instrumentation.errors import error_type, mark_failed, record_error
from emulator.instrumentation.propagation import (
    BAGGAGE_LIMIT_BYTES,
    Inject,
    MessagingContext,
    attached,
    extract,
    inject,
)
from emulator.instrumentation.spans import Attributes, AttributeValue, span

__all__ = [
    "BAGGAGE_LIMIT_BYTES",
    "AttributeValue",
    "Attributes",
    "Inject",
    "MessagingContext",
    "attached",
    "error_type",
    "extract",
    "inject",
    "mark_failed",
    "record_error",
    "span",
]
