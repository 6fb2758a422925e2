"""Neutron's records of security groups and their rules."""

from dataclasses import dataclass, field
from typing import Any

from emulator.services.neutron.models import Revision, common_attributes

__all__ = ["SecurityGroup", "SecurityGroupRule"]


@dataclass(slots=True)
class SecurityGroupRule:
    """Traffic that a security group allows. None means any."""

    id: str
    project_id: str
    group_id: str
    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    belongs_to_default: bool = False
    description: str = ""
    tags: list[str] = field(default_factory=list)
    revision: Revision = field(default_factory=Revision)

    @property
    def matched_traffic(self) -> tuple[object, ...]:
        """The traffic that the rule matches; it is unique within a group."""
        ports = (self.port_range_min, self.port_range_max)
        return (self.direction, self.ethertype, self.protocol, *ports, self.remote_ip_prefix, self.remote_group_id)

    def describe(self) -> dict[str, Any]:
        """Return the record as the API shows it."""
        return {
            **common_attributes(self),
            "security_group_id": self.group_id,
            "direction": self.direction,
            "ethertype": self.ethertype,
            "protocol": self.protocol,
            "port_range_min": self.port_range_min,
            "port_range_max": self.port_range_max,
            "remote_ip_prefix": self.remote_ip_prefix,
            "remote_group_id": self.remote_group_id,
            "remote_address_group_id": None,
            "belongs_to_default_sg": self.belongs_to_default,
        }


@dataclass(slots=True)
class SecurityGroup:
    """A security group, with its rules by id."""

    id: str
    name: str
    project_id: str
    rules: dict[str, SecurityGroupRule] = field(default_factory=dict)
    stateful: bool = True
    description: str = ""
    tags: list[str] = field(default_factory=list)
    revision: Revision = field(default_factory=Revision)

    def describe(self) -> dict[str, Any]:
        """Return the record as the API shows it."""
        return {
            **common_attributes(self),
            "name": self.name,
            "stateful": self.stateful,
            "shared": False,
            "security_group_rules": [rule.describe() for rule in self.rules.values()],
        }
