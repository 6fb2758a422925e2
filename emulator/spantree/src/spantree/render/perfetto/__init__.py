"""Traces as trace events, which ui.perfetto.dev and Chrome's tracing open."""

from spantree.render.perfetto.trace_events import perfetto

__all__ = ["perfetto"]
