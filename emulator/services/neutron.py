"""neutron-server: which networks there are, and who has which address on them."""

from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from aiohttp import web

from emulator.plumbing.chance import Chance
from emulator.plumbing.errors import ApiError, NotFound
from emulator.plumbing.http_server import json_response
from emulator.plumbing.scene import annotate
from emulator.plumbing.service import ACTOR, Service
from emulator.plumbing.steps import pretend
from emulator.services.fresh import NETWORKS as FRESH
from emulator.services.fresh import resource_id
from emulator.services.tokens import Tokens

__all__ = ["service"]


class NetworkNotFound(NotFound):
    """No network has this id."""

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Network {network_id} could not be found.")


class PortNotFound(NotFound):
    """No port has this id."""

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Port {port_id} could not be found.")


class IpAddressGenerationFailure(ApiError):
    """All addresses of the subnet are taken."""

    status = HTTPStatus.CONFLICT

    def __init__(self, network_id: str) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


@dataclass(slots=True)
class Port:
    """An address on a network, and the device (a server) that has it."""

    id: str
    device_id: str
    address: IPv4Address

    @property
    def mac_address(self) -> str:
        """A MAC address in OpenStack's range; it follows from the port's id."""
        return "fa:16:3e:" + ":".join(self.id.replace("-", "")[at : at + 2] for at in (0, 2, 4))


@dataclass(slots=True)
class Network:
    """A network, its subnet and its ports. `ports` is by device."""

    id: str
    name: str
    cidr: IPv4Network
    external: bool
    ports: dict[str, Port] = field(default_factory=dict)
    taken: set[IPv4Address] = field(default_factory=set)

    @property
    def subnet_id(self) -> str:
        """The id of the one subnet."""
        return resource_id("subnet", self.name)

    def attach(self, device_id: str, chance: Chance) -> Port:
        """Return the device's port, made now if it has none. Raises IpAddressGenerationFailure."""
        if device_id not in self.ports:
            address = self._free_address(chance, device_id)
            self.taken.add(address)
            self.ports[device_id] = Port(chance.uuid("port", self.id, device_id), device_id, address)
        return self.ports[device_id]

    def _free_address(self, chance: Chance, device_id: str) -> IPv4Address:
        """A free address: the next one after a random place, since what is random need not know who came first."""
        first, last = int(self.cidr.network_address) + 2, int(self.cidr.broadcast_address) - 1  # 1 is the gateway
        count = last - first + 1
        begin = chance.draw("address", self.id, device_id).randrange(count)
        for offset in range(count):
            address = IPv4Address(first + (begin + offset) % count)
            if address not in self.taken:
                return address
        raise IpAddressGenerationFailure(self.id)

    def release(self, port: Port) -> None:
        """Take a port away; its address is free again."""
        del self.ports[port.device_id]
        self.taken.discard(port.address)


NETWORKS = web.AppKey("networks", dict[str, Network])


def service(tokens: Tokens) -> Service:
    """Neutron with the networks of a fresh cloud."""
    networks = [Network(fresh.id, fresh.name, fresh.cidr, fresh.external) for fresh in FRESH]
    return Service(
        "neutron-server",
        public=[web.get("/", list_versions)],
        routes=[
            web.get("/v2.0/networks", list_networks),
            web.get("/v2.0/networks/{network_id}", show_network),
            web.get("/v2.0/subnets", list_subnets),
            web.get("/v2.0/ports", list_ports),
            web.delete("/v2.0/ports/{port_id}", delete_port),
        ],
        identify=tokens.open,
        error_shape=word_error,
        state={NETWORKS: {network.id: network for network in networks}},
        lock="neutron-server",
    )


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as neutron does."""
    ours = type(error).__module__ == __name__
    kind = type(error).__name__ if ours else f"HTTP{HTTPStatus(error.status).phrase.title().replace(' ', '')}"
    return {"NeutronError": {"type": kind, "message": str(error), "detail": ""}}


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document."""
    link = {"rel": "self", "href": f"{request.url.origin()}/v2.0/"}
    return json_response({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


async def list_networks(request: web.Request) -> web.Response:
    """List networks, those of a `name` if it is given."""
    name = request.query.get("name")
    found = [network for network in request.app[NETWORKS].values() if name in {None, network.name}]
    return json_response({"networks": [_describe(network) for network in found]})


async def show_network(request: web.Request) -> web.Response:
    """Show a network. With `device_id` it is attached to that device: the answer then holds the device's port.

    The attaching query is ours: Figure 1.8 has one exchange with neutron, so the question whether the network is there
    and the allocation of an address on it are one. Asked twice for the same device, it gives the same port.
    """
    network_id = request.match_info["network_id"]
    await pretend("find network", fails=lambda: NetworkNotFound(network_id))
    network = request.app[NETWORKS].get(network_id)
    if network is None:
        raise NetworkNotFound(network_id)
    described = _describe(network)
    if device_id := request.query.get("device_id"):
        annotate(server__id=device_id)
        await pretend("allocate address", fails=lambda: IpAddressGenerationFailure(network_id))
        described["port"] = _describe_port(network, network.attach(device_id, request.app[ACTOR].chance))
    return json_response({"network": described})


async def list_subnets(request: web.Request) -> web.Response:
    """List subnets."""
    subnets = [
        {
            "id": network.subnet_id,
            "name": f"{network.name}-subnet",
            "network_id": network.id,
            "cidr": str(network.cidr),
            "gateway_ip": str(network.cidr.network_address + 1),
            "ip_version": 4,
            "enable_dhcp": True,
        }
        for network in request.app[NETWORKS].values()
    ]
    return json_response({"subnets": subnets})


async def list_ports(request: web.Request) -> web.Response:
    """List ports, those of a `device_id` if it is given."""
    device_id = request.query.get("device_id")
    ports = [
        _describe_port(network, port)
        for network in request.app[NETWORKS].values()
        for port in network.ports.values()
        if device_id in {None, port.device_id}
    ]
    return json_response({"ports": ports})


async def delete_port(request: web.Request) -> web.Response:
    """Delete a port and release its address."""
    port_id = request.match_info["port_id"]
    for network in request.app[NETWORKS].values():
        for port in network.ports.values():
            if port.id == port_id:
                annotate(server__id=port.device_id)
                network.release(port)
                return web.Response(status=HTTPStatus.NO_CONTENT)
    raise PortNotFound(port_id)


def _describe(network: Network) -> dict[str, Any]:
    return {
        "id": network.id,
        "name": network.name,
        "status": "ACTIVE",
        "admin_state_up": True,
        "shared": True,
        "router:external": network.external,
        "subnets": [network.subnet_id],
    }


def _describe_port(network: Network, port: Port) -> dict[str, Any]:
    return {
        "id": port.id,
        "network_id": network.id,
        "device_id": port.device_id,
        "device_owner": "compute:nova",
        "status": "ACTIVE",
        "mac_address": port.mac_address,
        "fixed_ips": [{"subnet_id": network.subnet_id, "ip_address": str(port.address)}],
    }
