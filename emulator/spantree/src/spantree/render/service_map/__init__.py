"""Many traces as one map of services: who calls whom, how often, how fast, and how often it fails."""

from spantree.render.service_map.statistics import Edge, Node, ServiceMap, service_map
from spantree.render.service_map.svg import service_map_svg

__all__ = ["Edge", "Node", "ServiceMap", "service_map", "service_map_svg"]
