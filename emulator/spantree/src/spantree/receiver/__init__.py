"""Receives spans over OTLP, and lets tests wait for traces without polling."""

from spantree.receiver.batch import Batch
from spantree.receiver.environment import exporter_environment
from spantree.receiver.late_spans import LateSpans
from spantree.receiver.logs import NotOneLog
from spantree.receiver.metrics import NotOneMetric
from spantree.receiver.otlp_receiver import OtlpReceiver
from spantree.receiver.otlp_server import OtlpServer
from spantree.receiver.pending import Pending
from spantree.receiver.trace_waiters import NotReceived

__all__ = [
    "Batch",
    "LateSpans",
    "NotOneLog",
    "NotOneMetric",
    "NotReceived",
    "OtlpReceiver",
    "OtlpServer",
    "Pending",
    "exporter_environment",
]
