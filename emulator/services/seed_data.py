"""What a fresh cloud holds, in one place to read. Its passwords are public: this is a cloud for demos.

Ids of images and networks follow from their names, so that a user can ask for them without looking them up first.
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
    "is_of_admins",
    "resource_id",
]


def resource_id(kind: str, name: str) -> str:
    """Return the id of an image, network, user, project … of a fresh cloud: a UUID (version 5) of its name.

    What is a UUID already stays as it is.
    """
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"openstack-boot-emulator/{kind}/{name}"))


def default_group(project_id: str) -> str:
    """Return the id of a project's security group `default`, which is there as soon as the project is."""
    return resource_id("security-group", f"default of {project_id}")


@dataclass(frozen=True, slots=True)
class Project:
    """A project, and how many instances it may have."""

    name: str
    instances: int

    @property
    def id(self) -> str:
        """Keystone's ids are hex without dashes."""
        return resource_id("project", self.name).replace("-", "")


@dataclass(frozen=True, slots=True)
class User:
    """A user of one project."""

    name: str
    password: str
    project: str
    roles: tuple[str, ...]

    @property
    def id(self) -> str:
        """Keystone's ids are hex without dashes."""
        return resource_id("user", self.name).replace("-", "")


@dataclass(frozen=True, slots=True)
class Image:
    """An image. Its bytes are pretended, but `size_kib` of them are really sent."""

    name: str
    size_kib: int

    @property
    def id(self) -> str:
        """The id follows from the name."""
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
        """The id follows from the name."""
        return resource_id("network", self.name)


@dataclass(frozen=True, slots=True)
class HostCapacity:
    """What a compute host has to give."""

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
    Flavor("m1.huge", 1048576, 512, 16000),  # no host can hold it: for a look at NoValidHost
)

NETWORKS = (
    Network("private", IPv4Network("10.0.0.0/20")),
    Network("public", IPv4Network("172.24.4.0/24"), external=True),
)

HOST = HostCapacity(ram_mb=262144, vcpus=256, disk_gb=8000)


def is_of_admins(project_id: str) -> bool:
    """Whether a project is one of those whose users may do all."""
    return any("admin" in user.roles and Project(user.project, 0).id == project_id for user in USERS)
