"""Receiving spans over OTLP, and waiting for them without polling."""

from emulator.traces.receiver.arrivals import NotReceived
from emulator.traces.receiver.otlp_receiver import OtlpReceiver
from emulator.traces.receiver.pending import Pending

__all__ = ["NotReceived", "OtlpReceiver", "Pending"]
