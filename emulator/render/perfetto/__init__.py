"""Traces as trace events, the form that ui.perfetto.dev and Chrome's tracing open."""

from emulator.render.perfetto.events import perfetto

__all__ = ["perfetto"]
