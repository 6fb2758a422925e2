"""osprofiler's headers: a trace that a stock client started and signed with a key that the cloud knows.

As in osprofiler's own OTLP driver, the base id is the trace id, and the last 64 bits of the parent id are the parent
span id. The base id does not stand for a span: a span whose parent id is the base id is a root.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

__all__ = ["Profiled", "Untrusted", "chosen_trace_id", "profiled_in"]

INFO, SIGNATURE = "x-trace-info", "x-trace-hmac"
LONGEST_INFO = 1024
"""Two ids take 140 characters."""
SPAN_ID = (1 << 64) - 1
TRACE_ID = "emulator.osprofiler.trace_id"


class Untrusted(Exception):
    """The trace in the headers cannot be trusted; the message says why."""

    error_type = "emulator.Untrusted"


class _Info(msgspec.Struct, forbid_unknown_fields=True):
    base_id: UUID
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Profiled:
    """osprofiler's trace, from verified `headers`."""

    base_id: UUID
    parent_id: UUID
    headers: Mapping[str, str] = field(repr=False)
    """Sent along with the requests that follow from this one."""

    def below(self, context: Context) -> Context:
        """Return a context in which new spans belong to this trace."""
        above = 0 if self.parent_id == self.base_id else self.parent_id.int & SPAN_ID
        if not above:
            return otel_context.set_value(TRACE_ID, self.base_id.int, context)
        sampled = TraceFlags(TraceFlags.SAMPLED)
        parent = SpanContext(self.base_id.int, above, is_remote=True, trace_flags=sampled)
        return set_span_in_context(NonRecordingSpan(parent), context)


def profiled_in(headers: Mapping[str, str], keys: Sequence[str]) -> Profiled | None:
    """Read the headers of a request; None without osprofiler's. Raises Untrusted if no known key signed them."""
    info, signature = headers.get(INFO), headers.get(SIGNATURE, "")
    if info is None:
        return None
    if not keys:
        raise Untrusted("there is no key to verify it with")
    if len(info) > LONGEST_INFO:
        raise Untrusted(f"{len(info)} characters: {LONGEST_INFO} are the limit")
    # A list, not any(): checking every key takes the same time, whichever one fits.
    if True not in [_signed(info, signature, key) for key in keys]:
        raise Untrusted("it is not signed with a key that is known here")
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(info), type=_Info)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        raise Untrusted("it does not hold a base_id and a parent_id that are UUIDs") from None
    if not read.base_id.int:
        raise Untrusted("its base_id is zero")
    return Profiled(read.base_id, read.parent_id or read.base_id, {INFO: info, SIGNATURE: signature})


def chosen_trace_id() -> int | None:
    """Return the id that osprofiler chose for the trace that begins here, or None."""
    chosen = otel_context.get_value(TRACE_ID)
    return chosen if isinstance(chosen, int) else None


def _signed(info: str, signature: str, key: str) -> bool:
    expected = hmac.new(key.encode(), _bytes(info), "sha1").hexdigest()  # SHA-1, as in osprofiler's generate_hmac
    return hmac.compare_digest(expected.encode(), _bytes(signature.strip()))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
