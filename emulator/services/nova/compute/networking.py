"""Attaches servers to networks: gets ports for them from neutron, and releases the ports again."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from emulator.services.auth.session import Session
from emulator.services.nova.messages import BuildRequest, Interface, RequestedNetwork

__all__ = ["AttachedNetwork", "CannotAttach", "attach", "networks_of", "release_ports"]

ATTACH = "3,4"
"""The steps of Figure 1.8 in which a server is attached to a network."""
NETWORK, PORT = "/v2.0/networks/{network_id}", "/v2.0/ports/{port_id}"


class CannotAttach(Exception):
    """The server cannot be attached to a network of its request."""

    error_type = "nova.CannotAttach"


class PortInUse(CannotAttach):
    """Another device uses the port."""

    error_type = "nova.PortInUse"

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Port {port_id} is still in use.")


class PortNotUsable(CannotAttach):
    """The port belongs to another project."""

    error_type = "nova.PortNotUsable"

    def __init__(self, port_id: str, server_id: str) -> None:
        super().__init__(f"Port {port_id} not usable for instance {server_id}.")


class PortRequiresFixedIP(CannotAttach):
    """The port has no fixed IP."""

    error_type = "nova.PortRequiresFixedIP"

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Port {port_id} requires a FixedIP in order to be used.")


class NetworkAmbiguous(CannotAttach):
    """The request names no network, and the project can use several."""

    error_type = "nova.NetworkAmbiguous"

    def __init__(self) -> None:
        super().__init__(
            "More than one possible network found. Specify network ID(s) to select which one(s) to connect to."
        )


class UnableToAutoAllocateNetwork(CannotAttach):
    """The request names no network, and the project can use none."""

    error_type = "nova.UnableToAutoAllocateNetwork"

    def __init__(self, project_id: str) -> None:
        super().__init__(f"Unable to automatically allocate a network for project {project_id}")


class _FixedIp(msgspec.Struct):
    ip_address: str
    subnet_id: str = ""


class _Port(msgspec.Struct):
    id: str
    mac_address: str
    fixed_ips: list[_FixedIp]


class AttachedNetwork(msgspec.Struct):
    """A network and the server's port on it."""

    id: str
    name: str
    port: _Port

    @property
    def addresses(self) -> list[dict[str, Any]]:
        """The server's addresses on the network, as the API shows them."""
        return [
            {
                "addr": fixed.ip_address,
                "version": 6 if ":" in fixed.ip_address else 4,
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": self.port.mac_address,
            }
            for fixed in self.port.fixed_ips
        ]

    @property
    def interface(self) -> Interface:
        """The server's port on the network, as the API shows it."""
        fixed_ips = [{"subnet_id": fixed.subnet_id, "ip_address": fixed.ip_address} for fixed in self.port.fixed_ips]
        return Interface(self.id, self.port.id, self.port.mac_address, fixed_ips)


class _NetworkAnswer(msgspec.Struct):
    network: AttachedNetwork


class _Network(msgspec.Struct):
    id: str
    name: str


class _NamedNetworkAnswer(msgspec.Struct):
    network: _Network


class _NetworksAnswer(msgspec.Struct):
    networks: list[_Network]


class _ExistingPort(_Port):
    network_id: str
    project_id: str


class _PortAnswer(msgspec.Struct):
    port: _ExistingPort


class _PortsAnswer(msgspec.Struct):
    ports: list[_Port]


async def networks_of(session: Session, request: BuildRequest) -> list[RequestedNetwork]:
    """Return the networks of a build request; for `auto`, the project's own network or else the shared one.

    Nova searches in the same order: `_get_available_networks` in `nova.network.neutron`. Raises CannotAttach unless
    there is exactly one, and what `Session.fetch` and `Answer.read` raise.
    """
    if isinstance(request.networks, list):
        return request.networks
    for usable in ({"tenant_id": request.project_id}, {"shared": "True"}):
        query = {**usable, "router:external": "False"}
        answer = await session.fetch("GET", "network", "/v2.0/networks", query=query)
        found = answer.read(_NetworksAnswer).networks
        if len(found) > 1:
            raise NetworkAmbiguous
        if found:
            return [RequestedNetwork(found[0].id)]
    raise UnableToAutoAllocateNetwork(request.project_id)


async def attach(
    session: Session, request: BuildRequest, network: RequestedNetwork, host: str, interface: int = 0
) -> AttachedNetwork:
    """Attach a server to a network by a new or an existing port: steps (3) and (4). Raises like `networks_of`.

    `interface` is the number of the server's interface on the network, among those with a new port.
    """
    if network.port is not None:
        return await _attach_port(session, request, network.port, host)
    query: dict[str, str | Sequence[str]] = {"device_id": request.server_id, "project_id": request.project_id}
    if network.fixed_ip is not None:
        query["fixed_ip"] = network.fixed_ip
    if interface:
        query["interface"] = str(interface)
    if request.security_groups:
        query["security_group"] = list(request.security_groups)
    answer = await session.fetch("GET", "network", NETWORK, {"network_id": str(network.uuid)}, query=query, step=ATTACH)
    return answer.read(_NetworkAnswer).network


async def _attach_port(session: Session, request: BuildRequest, port_id: str, host: str) -> AttachedNetwork:
    ids = {"port_id": port_id}
    port = (await session.fetch("GET", "network", PORT, ids)).read(_PortAnswer).port
    if port.project_id != request.project_id:
        raise PortNotUsable(port_id, request.server_id)
    if not port.fixed_ips:
        raise PortRequiresFixedIP(port_id)
    binding = {"device_id": request.server_id, "device_owner": "compute:nova", "binding:host_id": host}
    answer = await session.fetch("PUT", "network", PORT, ids, body={"port": binding}, step=ATTACH)
    if answer.status == HTTPStatus.CONFLICT:  # another server was first, which only neutron can decide
        raise PortInUse(port_id)
    answer.check()
    answer = await session.fetch("GET", "network", NETWORK, {"network_id": port.network_id})
    network = answer.read(_NamedNetworkAnswer).network
    return AttachedNetwork(network.id, network.name, port)


async def release_ports(session: Session, server_id: str, kept: tuple[str, ...]) -> None:
    """Delete a server's ports, and unbind those that are `kept`.

    The ports are looked up in neutron, since the answer to their creation may have been lost.
    """
    answer = await session.fetch("GET", "network", "/v2.0/ports", query={"device_id": server_id})
    for port in answer.read(_PortsAnswer).ports:
        ids = {"port_id": port.id}
        if port.id in kept:
            unbound = {"device_id": "", "device_owner": "", "binding:host_id": ""}
            answer = await session.fetch("PUT", "network", PORT, ids, body={"port": unbound})
        else:
            answer = await session.fetch("DELETE", "network", PORT, ids)
        if answer.status != HTTPStatus.NOT_FOUND:  # otherwise it was deleted in the meantime
            answer.check()
