"""A client of the cloud: boots, finds and deletes servers over HTTP, and runs the stock OpenStack client.

It knows a cloud only by the URL of its keystone. `stock_client` needs the extra `openstack` and is imported on its own.
"""

from emulator.client.boot_sequence import (
    MAX_CONCURRENT_BOOTS,
    SERVICE,
    BootRequest,
    BootResult,
    OnProgress,
    boot,
    delete,
    find_servers,
    new_context,
    numbered_requests,
)
from emulator.client.credentials import Credentials

__all__ = [
    "MAX_CONCURRENT_BOOTS",
    "SERVICE",
    "BootRequest",
    "BootResult",
    "Credentials",
    "OnProgress",
    "boot",
    "delete",
    "find_servers",
    "new_context",
    "numbered_requests",
]
