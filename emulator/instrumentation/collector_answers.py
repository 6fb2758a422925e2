"""Sees what a collector answers, which the SDK's exporters do not return: rejected spans and redirects.

OTLP specification, "Partial Success". An exporter counts both as a success.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # these take long to import, and only OTLP over HTTP needs requests
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
    from requests import Response, Session

__all__ = ["CollectorAnswer", "watch_session"]

PROTOBUF, PAGE = "application/x-protobuf", "text/html"
ALL = 2**63 - 1
"""More spans than any batch has."""


@dataclass(slots=True)
class CollectorAnswer:
    """The latest answer of a collector to one exporter, among those that the exporter counts as a success.

    `is_seen` is False as long as there was none, and forever if this version of the exporter hides its answers.
    """

    is_seen: bool = False
    rejected: int = 0
    """How many spans of the batch were not accepted; ALL if the answer accepts none."""
    message: str = ""

    def take(self, response: "ExportTraceServiceResponse") -> None:
        """Remember an answer of the trace service."""
        self._remember(response.partial_success.rejected_spans, response.partial_success.error_message)

    def take_http(self, status: int, content_type: str, body: bytes) -> None:
        """Remember an answer over HTTP."""
        media_type = content_type.partition(";")[0].strip().lower()
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:  # exporters follow no redirects
            self._remember(ALL, f"HTTP {status}, a redirect")
        elif media_type == PAGE:  # some web servers answer 200 to anything
            self._remember(ALL, f"HTTP {status}, a web page")
        elif media_type == PROTOBUF:
            self._take_protobuf(body)
        else:
            self._remember(0, "")

    def _take_protobuf(self, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

        try:
            self.take(ExportTraceServiceResponse.FromString(body))
        except Exception:  # noqa: BLE001 - protobuf's DecodeError, whose module differs between versions
            self._remember(0, "")

    def _remember(self, rejected: int, message: str) -> None:
        self.is_seen, self.rejected, self.message = True, rejected, message


def watch_session(session: "Session", answer: CollectorAnswer) -> None:
    """Let `answer` take every answer that the session gets."""

    def take(response: "Response", *_: Any, **__: Any) -> None:  # noqa: ANN401 - requests' signature
        answer.take_http(response.status_code, response.headers.get("content-type", ""), response.content)

    session.hooks["response"].append(take)
