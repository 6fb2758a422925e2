"""Neutron's records: networks, subnets, ports and floating IPs.

`describe` returns all the attributes of a record; `policy` hides those that a caller may not see.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Protocol

from emulator.services.oslo.timeutils import isotime

__all__ = [
    "Address",
    "Cidr",
    "FixedIp",
    "FloatingIp",
    "Network",
    "Pool",
    "Port",
    "Record",
    "Revision",
    "Subnet",
    "common_attributes",
]

Address = IPv4Address | IPv6Address
Cidr = IPv4Network | IPv6Network


def _now() -> str:
    return isotime(datetime.now(UTC))


@dataclass(slots=True)
class Revision:
    """When a record was created and updated, and its revision number."""

    created_at: str = field(default_factory=_now)
    updated_at: str = field(default_factory=_now)
    revision_number: int = 1

    def bump(self) -> None:
        """Record an update."""
        self.updated_at = _now()
        self.revision_number += 1


class Record(Protocol):
    """The fields of every record."""

    id: str
    project_id: str
    description: str
    tags: list[str]
    revision: Revision

    def describe(self) -> dict[str, Any]:
        """Return the record as the API shows it."""


def common_attributes(record: Record) -> dict[str, Any]:
    """Return the attributes that every record has in the API."""
    return {
        "id": record.id,
        "tenant_id": record.project_id,
        "project_id": record.project_id,
        "description": record.description,
        "tags": record.tags,
        "created_at": record.revision.created_at,
        "updated_at": record.revision.updated_at,
        "revision_number": record.revision.revision_number,
    }


@dataclass(slots=True)
class Network:
    """A network. Its subnets and ports refer to it by its id."""

    id: str
    name: str
    project_id: str
    shared: bool = False
    external: bool = False
    admin_state_up: bool = True
    mtu: int = 1450
    port_security_enabled: bool = True
    network_type: str = "vxlan"
    physical_network: str | None = None
    segmentation_id: int | None = None
    description: str = ""
    tags: list[str] = field(default_factory=list)
    revision: Revision = field(default_factory=Revision)

    def describe(self) -> dict[str, Any]:
        """Return the network as the API shows it, without its subnets."""
        return {
            **common_attributes(self),
            "name": self.name,
            "admin_state_up": self.admin_state_up,
            "status": "ACTIVE",
            "shared": self.shared,
            "router:external": self.external,
            "mtu": self.mtu,
            "port_security_enabled": self.port_security_enabled,
            "availability_zone_hints": [],
            "availability_zones": [],
            "ipv4_address_scope": None,
            "ipv6_address_scope": None,
            "provider:network_type": self.network_type,
            "provider:physical_network": self.physical_network,
            "provider:segmentation_id": self.segmentation_id,
        }


@dataclass(frozen=True, slots=True)
class Pool:
    """An allocation pool: a range of addresses, including both ends."""

    first: Address
    last: Address

    @property
    def size(self) -> int:
        """The number of addresses."""
        return int(self.last) - int(self.first) + 1

    def __contains__(self, address: Address) -> bool:
        return address.version == self.first.version and int(self.first) <= int(address) <= int(self.last)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(slots=True)
class Subnet:
    """A subnet of a network. `allocated` are the addresses that ports and floating IPs have."""

    id: str
    name: str
    project_id: str
    network_id: str
    cidr: Cidr
    gateway_ip: Address | None
    pools: list[Pool]
    enable_dhcp: bool = True
    dns_nameservers: list[str] = field(default_factory=list)
    host_routes: list[dict[str, str]] = field(default_factory=list)
    ipv6_ra_mode: str | None = None
    ipv6_address_mode: str | None = None
    allocated: set[Address] = field(default_factory=set)
    description: str = ""
    tags: list[str] = field(default_factory=list)
    revision: Revision = field(default_factory=Revision)

    def describe(self) -> dict[str, Any]:
        """Return the record as the API shows it."""
        return {
            **common_attributes(self),
            "name": self.name,
            "network_id": self.network_id,
            "ip_version": self.cidr.version,
            "cidr": str(self.cidr),
            "gateway_ip": None if self.gateway_ip is None else str(self.gateway_ip),
            "allocation_pools": [{"start": str(pool.first), "end": str(pool.last)} for pool in self.pools],
            "enable_dhcp": self.enable_dhcp,
            "dns_nameservers": self.dns_nameservers,
            "host_routes": self.host_routes,
            "ipv6_ra_mode": self.ipv6_ra_mode,
            "ipv6_address_mode": self.ipv6_address_mode,
            "service_types": [],
            "subnetpool_id": None,
        }


@dataclass(frozen=True, slots=True)
class FixedIp:
    """An address of a port or floating IP, and its subnet."""

    subnet_id: str
    address: Address

    def describe(self) -> dict[str, str]:
        """Return the record as the API shows it."""
        return {"subnet_id": self.subnet_id, "ip_address": str(self.address)}


@dataclass(slots=True)
class Port:
    """A port of a network, and the device (usually a server) that uses it, if any."""

    id: str
    name: str
    project_id: str
    network_id: str
    mac_address: str
    fixed_ips: list[FixedIp]
    security_groups: list[str]
    device_id: str = ""
    device_owner: str = ""
    admin_state_up: bool = True
    port_security_enabled: bool = True
    allowed_address_pairs: list[dict[str, str]] = field(default_factory=list)
    extra_dhcp_opts: list[dict[str, str | int]] = field(default_factory=list)
    vnic_type: str = "normal"
    host_id: str = ""
    profile: dict[str, Any] = field(default_factory=dict)
    interface: int | None = None
    """Which of its device's interfaces on the network nova-compute requested the port for; None for other ports."""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    revision: Revision = field(default_factory=Revision)

    def describe(self) -> dict[str, Any]:
        """Return the record as the API shows it."""
        # In neutron the port is ACTIVE once its host reports that it is plugged; here that takes no time.
        in_use = bool(self.device_id) and self.admin_state_up
        return {
            **common_attributes(self),
            "name": self.name,
            "network_id": self.network_id,
            "admin_state_up": self.admin_state_up,
            "status": "ACTIVE" if in_use else "DOWN",
            "mac_address": self.mac_address,
            "fixed_ips": [fixed.describe() for fixed in self.fixed_ips],
            "device_id": self.device_id,
            "device_owner": self.device_owner,
            "security_groups": self.security_groups,
            "port_security_enabled": self.port_security_enabled,
            "allowed_address_pairs": [{"mac_address": self.mac_address, **pair} for pair in self.allowed_address_pairs],
            "extra_dhcp_opts": self.extra_dhcp_opts,
            "binding:vnic_type": self.vnic_type,
            "binding:host_id": self.host_id,
            "binding:profile": self.profile,
            "binding:vif_type": "ovs" if self.device_id else "unbound",
            "binding:vif_details": {},
        }


@dataclass(slots=True)
class FloatingIp:
    """An address of an external network, and the fixed address of a port that it is associated with, if any."""

    id: str
    project_id: str
    network_id: str
    external: FixedIp
    port_id: str | None = None
    fixed: Address | None = None
    description: str = ""
    tags: list[str] = field(default_factory=list)
    revision: Revision = field(default_factory=Revision)

    def describe(self) -> dict[str, Any]:
        """Return the floating IP as the API shows it, without the details of its port. There are no routers."""
        return {
            **common_attributes(self),
            "floating_network_id": self.network_id,
            "floating_ip_address": str(self.external.address),
            "fixed_ip_address": None if self.fixed is None else str(self.fixed),
            "port_id": self.port_id,
            "router_id": None,
            "status": "DOWN" if self.port_id is None else "ACTIVE",
        }
