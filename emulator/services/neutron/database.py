"""Neutron's database: its records by id, in memory, and those of the seed data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.services.auth import Identity
from emulator.services.neutron.cidrs import default_gateway, default_pools
from emulator.services.neutron.models import FloatingIp, Network, Port, Subnet
from emulator.services.neutron.policy import may_see_network
from emulator.services.neutron.security_group_models import SecurityGroup
from emulator.services.seed_data import NETWORKS, PROJECTS, resource_id

__all__ = [
    "DATABASE",
    "Database",
    "FloatingIPNotFound",
    "NetworkNotFound",
    "PortNotFound",
    "SubnetNotFound",
    "seed_database",
]


class NetworkNotFound(NotFound):
    """No network that the caller may see has this id."""

    error_type = "neutron.NetworkNotFound"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Network {network_id} could not be found.")


class SubnetNotFound(NotFound):
    """No subnet that the caller may see has this id."""

    error_type = "neutron.SubnetNotFound"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(f"Subnet {subnet_id} could not be found.")


class PortNotFound(NotFound):
    """No port that the caller may see has this id."""

    error_type = "neutron.PortNotFound"

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Port {port_id} could not be found.")


class FloatingIPNotFound(NotFound):
    """No floating IP that the caller may see has this id."""

    error_type = "neutron.FloatingIPNotFound"

    def __init__(self, floating_id: str) -> None:
        super().__init__(f"Floating IP {floating_id} could not be found")


@dataclass(slots=True)
class Database:
    """All records by id. `limits` are the quotas that admins set, by project and resource."""

    networks: dict[str, Network] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    floating_ips: dict[str, FloatingIp] = field(default_factory=dict)
    security_groups: dict[str, SecurityGroup] = field(default_factory=dict)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)

    def subnets_of(self, network_id: str) -> list[Subnet]:
        """Return the subnets of a network, the oldest first."""
        return [subnet for subnet in self.subnets.values() if subnet.network_id == network_id]

    def ports_of(self, network_id: str) -> list[Port]:
        """Return the ports on a network."""
        return [port for port in self.ports.values() if port.network_id == network_id]

    def floating_ips_of(self, port_id: str) -> list[FloatingIp]:
        """Return the floating IPs that are associated with a port."""
        return [floating for floating in self.floating_ips.values() if floating.port_id == port_id]

    def describe_network(self, network: Network) -> dict[str, Any]:
        """Return a network as the API shows it, with its subnets."""
        return {**network.describe(), "subnets": [subnet.id for subnet in self.subnets_of(network.id)]}

    def describe_floating_ip(self, floating: FloatingIp) -> dict[str, Any]:
        """Return a floating IP as the API shows it, with the details of its port."""
        details = None if floating.port_id is None else self.ports[floating.port_id].describe()
        return {**floating.describe(), "port_details": details and {name: details[name] for name in PORT_DETAILS}}

    def networks_for(self, caller: Identity) -> Iterator[Network]:
        """Yield the networks that the caller may see."""
        return (network for network in self.networks.values() if may_see_network(caller, network))

    def subnets_for(self, caller: Identity) -> Iterator[Subnet]:
        """Yield the subnets that the caller may see: those of the networks that it may see."""
        return (subnet for subnet in self.subnets.values() if self._may_see_subnet(caller, subnet))

    def ports_for(self, caller: Identity) -> Iterator[Port]:
        """Yield the ports that the caller may see: those of its project, and those on its project's networks."""
        return (port for port in self.ports.values() if self._may_see_port(caller, port))

    def floating_ips_for(self, caller: Identity) -> Iterator[FloatingIp]:
        """Yield the floating IPs that the caller may see: those of its project."""
        return (each for each in self.floating_ips.values() if caller.sees_all or each.project_id == caller.project_id)

    def network(self, network_id: str, caller: Identity) -> Network:
        """Return a network. Raises NetworkNotFound."""
        network = self.networks.get(network_id)
        if network is None or not may_see_network(caller, network):
            raise NetworkNotFound(network_id)
        return network

    def subnet(self, subnet_id: str, caller: Identity) -> Subnet:
        """Return a subnet. Raises SubnetNotFound."""
        subnet = self.subnets.get(subnet_id)
        if subnet is None or not self._may_see_subnet(caller, subnet):
            raise SubnetNotFound(subnet_id)
        return subnet

    def port(self, port_id: str, caller: Identity) -> Port:
        """Return a port. Raises PortNotFound."""
        port = self.ports.get(port_id)
        if port is None or not self._may_see_port(caller, port):
            raise PortNotFound(port_id)
        return port

    def floating_ip(self, floating_id: str, caller: Identity) -> FloatingIp:
        """Return a floating IP. Raises FloatingIPNotFound."""
        floating = self.floating_ips.get(floating_id)
        if floating is None or not (caller.sees_all or floating.project_id == caller.project_id):
            raise FloatingIPNotFound(floating_id)
        return floating

    def _may_see_subnet(self, caller: Identity, subnet: Subnet) -> bool:
        return caller.project_id == subnet.project_id or may_see_network(caller, self.networks[subnet.network_id])

    def _may_see_port(self, caller: Identity, port: Port) -> bool:
        return caller.sees_all or caller.project_id in {port.project_id, self.networks[port.network_id].project_id}


PORT_DETAILS = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")
"""The attributes of its port that a floating IP shows: the extension `fip-port-details`."""

DEFAULT_PORTS = 500
"""Neutron's default quota of ports. Projects that may have more servers than this, or none, are unlimited."""

UNLIMITED = {"port": -1, "floatingip": -1}
"""The quotas of those projects. A server has a port, and openstacksdk's `create_server` also gives it a floating IP."""

DATABASE = web.AppKey("database", Database)


def seed_database() -> Database:
    """Return a database with the networks of the seed data: owned by `admin`, shared with all, with one subnet each."""
    unlimited = [project.id for project in PROJECTS if project.instances not in range(1, DEFAULT_PORTS)]
    database = Database(limits={project_id: dict(UNLIMITED) for project_id in unlimited})
    admin = next(project.id for project in PROJECTS if project.name == "admin")
    for number, each in enumerate(NETWORKS, 1):
        network = Network(each.id, each.name, admin, shared=True, external=each.external, segmentation_id=number)
        if each.external:
            network.network_type, network.physical_network, network.segmentation_id = "flat", each.name, None
            network.mtu = 1500
        database.networks[network.id] = network
        subnet_id, gateway = resource_id("subnet", each.name), default_gateway(each.cidr)
        pools = default_pools(each.cidr, gateway)
        subnet = Subnet(subnet_id, f"{each.name}-subnet", admin, network.id, each.cidr, gateway, pools)
        database.subnets[subnet.id] = subnet
    return database
