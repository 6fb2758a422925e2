"""The SDK's OTLP exporter over gRPC, whose answers can be seen. A file of its own, because gRPC is slow to import."""

from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from emulator.instrumentation.collector_answers import CollectorAnswer

__all__ = ["WatchedGrpcExporter"]


class WatchedGrpcExporter(OTLPSpanExporter):
    """Sends as the SDK's exporter does, and lets `answer` take every answer.

    There is no public way to see the answers. If the SDK renames what is used here, `answer.is_seen` stays False.
    """

    def __init__(self, answer: CollectorAnswer, endpoint: str | None, *, insecure: bool | None) -> None:
        self._collector_answer = answer
        super().__init__(endpoint=endpoint, insecure=insecure)

    def _initialize_channel_and_stub(self) -> None:
        """Make the stub, when the exporter is made and when it connects again, and look at what it returns."""
        super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call] # the SDK's
        stub: Any = self._client
        if callable(getattr(stub, "Export", None)):
            stub.Export = partial(_export, stub.Export, self._collector_answer)


def _export(
    call: Callable[..., ExportTraceServiceResponse], answer: CollectorAnswer, **request: object
) -> ExportTraceServiceResponse:
    response = call(**request)
    answer.take(response)
    return response
