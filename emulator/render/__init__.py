"""Traces as pictures. This room knows trees of spans, and nothing of how they came about."""

from emulator.render.colours import service_colours
from emulator.render.perfetto import perfetto
from emulator.render.service_map import Edge, Node, ServiceMap, service_map
from emulator.render.service_map_svg import service_map_svg
from emulator.render.waterfall import columns, duration, headline, step_number, waterfall

__all__ = [
    "Edge",
    "Node",
    "ServiceMap",
    "columns",
    "duration",
    "headline",
    "perfetto",
    "service_colours",
    "service_map",
    "service_map_svg",
    "step_number",
    "waterfall",
]
