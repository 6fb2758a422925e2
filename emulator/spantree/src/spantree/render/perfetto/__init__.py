"""Traces as trace events, the form that ui.perfetto.dev and Chrome's tracing open."""

from spantree.render.perfetto.trace_events import perfetto

__all__ = ["perfetto"]
