"""Failures on spans: status ERROR, `error.type`, and one `exception` event on the innermost span that failed.

Semantic conventions 1.44, "Recording errors" and "Exceptions on spans".
"""

import traceback

from opentelemetry.trace import Span, Status, StatusCode

__all__ = ["error_type", "mark_failed", "record_error", "valid_text"]

RECORDED = "_recorded_in_trace"


def error_type(error: BaseException) -> str:
    """Return the `error.type` of an exception: the `error_type` of its class, or else the qualified name of the class.

    Builtins are named without their module, as in `TimeoutError`.
    """
    kind = type(error)
    # Alerts and dashboards match `error.type`, so it must not change when a file moves: an application names its own
    # errors. Classes of libraries keep the qualified name by which their users know them.
    named = getattr(kind, "error_type", None)
    if isinstance(named, str):
        return named
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def record_error(span: Span, error: Exception, *, handled: BaseException | None = None) -> None:
    """Mark a span as failed by `error`, with an `exception` event unless an inner span of its trace already has it.

    `handled` is the exception that was being handled when the span began. It cannot have failed below the span, so
    `error` gets its own event if it was raised in a fallback.
    """
    if not span.is_recording():
        return
    mark_failed(span, error_type(error), _message(error))
    trace_id = span.get_span_context().trace_id
    if _is_recorded(error, trace_id, {id(handled)}):
        return
    error.__dict__[RECORDED] = trace_id
    # Not Span.record_exception: the SDK would set exception.type to the module path of the class.
    described = {
        "exception.type": error_type(error),
        "exception.message": valid_text(_message(error)),
        "exception.stacktrace": valid_text("".join(traceback.format_exception(error))),
    }
    span.add_event("exception", described)


def mark_failed(span: Span, type_: str, message: str = "") -> None:
    """Mark a span as failed without an exception to record, as for an HTTP status."""
    span.set_attribute("error.type", type_)
    span.set_status(Status(StatusCode.ERROR, valid_text(message) or None))


def valid_text(text: str) -> str:
    """Return text with `?` for what UTF-8 cannot encode: one such character, and an exporter loses its whole batch."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - what is being recorded is `error`, not the mistake in its class
        return "<exception str() failed>"


def _is_recorded(error: BaseException | None, trace_id: int, seen: set[int]) -> bool:
    """Whether an inner span has the event: for this exception, for one that led to it, or for all of its group."""
    while error is not None and id(error) not in seen:  # causes can form a circle, as after `raise error from error`
        seen.add(id(error))
        if error.__dict__.get(RECORDED) == trace_id:
            return True
        if isinstance(error, BaseExceptionGroup) and all(
            _is_recorded(one, trace_id, {*seen}) for one in error.exceptions
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
