"""Receiving spans over OTLP, and waiting for them without polling."""

from spantree.receiver.otlp_receiver import OtlpReceiver
from spantree.receiver.pending import Pending
from spantree.receiver.trace_store import NotReceived

__all__ = ["NotReceived", "OtlpReceiver", "Pending"]
