"""The projects, users, images, flavors, networks and hosts of a new cloud. The passwords are public.

Ids are derived from names, so that a client can refer to an image or a network without looking it up first.
"""

import uuid
from dataclasses import dataclass
from ipaddress import IPv4Network

__all__ = [
    "FLAVORS",
    "HOST",
    "IMAGES",
    "NETWORKS",
    "PROJECTS",
    "USERS",
    "Flavor",
    "HostCapacity",
    "Image",
    "Network",
    "Project",
    "User",
    "default_group",
    "hex_id",
    "is_admin_project",
    "resource_id",
]


def resource_id(kind: str, name: str) -> str:
    """Return the id of a resource: the UUID (version 5) of its kind and name.

    A name that is already a UUID is returned unchanged, so that a caller can pass either.
    """
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"openstack-boot-emulator/{kind}/{name}"))


def hex_id(kind: str, name: str) -> str:
    """Return the id of a resource as hex without dashes, which is the form of all of keystone's ids."""
    return resource_id(kind, name).replace("-", "")


def default_group(project_id: str) -> str:
    """Return the id of a project's security group `default`, which every project has from the start."""
    return resource_id("security-group", f"default of {project_id}")


@dataclass(frozen=True, slots=True)
class Project:
    """A project, and its quota of instances."""

    name: str
    instances: int

    @property
    def id(self) -> str:
        """The id, derived from the name."""
        return hex_id("project", self.name)


@dataclass(frozen=True, slots=True)
class User:
    """A user of one project."""

    name: str
    password: str
    project: str
    roles: tuple[str, ...]

    @property
    def id(self) -> str:
        """The id, derived from the name."""
        return hex_id("user", self.name)


@dataclass(frozen=True, slots=True)
class Image:
    """An image. Its data is generated; a download really sends `size_kib` of it."""

    name: str
    size_kib: int

    @property
    def id(self) -> str:
        """The id, derived from the name."""
        return resource_id("image", self.name)


@dataclass(frozen=True, slots=True)
class Flavor:
    """The size of a server. Its id is its name."""

    name: str
    ram_mb: int
    vcpus: int
    disk_gb: int


@dataclass(frozen=True, slots=True)
class Network:
    """A network with one subnet."""

    name: str
    cidr: IPv4Network
    external: bool = False

    @property
    def id(self) -> str:
        """The id, derived from the name."""
        return resource_id("network", self.name)


@dataclass(frozen=True, slots=True)
class HostCapacity:
    """The resources of a compute host."""

    ram_mb: int
    vcpus: int
    disk_gb: int


PROJECTS = (
    Project("admin", instances=1000),
    Project("demo", instances=10),
    Project("alt_demo", instances=10),
    Project("service", instances=0),
)

USERS = (
    User("admin", "secret", "admin", ("admin", "member", "reader")),
    User("demo", "secret", "demo", ("member", "reader")),
    User("alt_demo", "secret", "alt_demo", ("member", "reader")),
    User("nova", "secret", "service", ("service",)),
)

IMAGES = (
    Image("cirros", size_kib=512),
    Image("debian", size_kib=2048),
    Image("fedora", size_kib=4096),
)

FLAVORS = (
    Flavor("m1.nano", 128, 1, 1),
    Flavor("m1.tiny", 512, 1, 1),
    Flavor("m1.small", 2048, 1, 20),
    Flavor("m1.medium", 4096, 2, 40),
    Flavor("m1.large", 8192, 4, 80),
    Flavor("m1.xlarge", 16384, 8, 160),
    Flavor("m1.huge", 1048576, 512, 16000),  # fits on no host, to demonstrate NoValidHost
)

NETWORKS = (
    Network("private", IPv4Network("10.0.0.0/20")),
    Network("public", IPv4Network("172.24.4.0/24"), external=True),
)

HOST = HostCapacity(ram_mb=262144, vcpus=256, disk_gb=8000)
"""The capacity of every compute host."""


def is_admin_project(project_id: str) -> bool:
    """Whether a user of the project has the role `admin`."""
    return any("admin" in user.roles and Project(user.project, 0).id == project_id for user in USERS)
