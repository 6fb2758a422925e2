"""Collects the spans that code makes in this process, for one test at a time."""

from spantree.in_process.tracing import NotOneTrace, Tracing, in_process_tracing

__all__ = ["NotOneTrace", "Tracing", "in_process_tracing"]
