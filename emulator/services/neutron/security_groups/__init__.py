"""Security groups and their rules: the routes, neutron's validation, and the default group of each project."""

from emulator.services.neutron.security_groups.api import SECURITY_GROUP_ROUTES
from emulator.services.neutron.security_groups.defaults import (
    SecurityGroupNotFound,
    default_group,
    find_group,
    with_default_groups,
)

__all__ = ["SECURITY_GROUP_ROUTES", "SecurityGroupNotFound", "default_group", "find_group", "with_default_groups"]
