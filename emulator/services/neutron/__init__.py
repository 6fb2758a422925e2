"""neutron, the network service: networks, subnets, ports, floating IPs, and security groups."""

from emulator.services.neutron.service import service

__all__ = ["service"]
