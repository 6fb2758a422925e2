"""A client of the cloud: boots, finds and deletes servers over HTTP, and runs the stock OpenStack client.

It knows a cloud only by the URL of its keystone. `stock_client` needs the extra `openstack` and is imported on its own.
"""

from emulator.client.boot_request import BootRequest, numbered_requests
from emulator.client.boot_sequence import (
    MAX_CONCURRENT_BOOTS,
    OUTCOMES,
    SERVICE,
    BootResult,
    OnProgress,
    boot,
    delete,
    find_servers,
    new_context,
)
from emulator.client.credentials import Credentials

__all__ = [
    "MAX_CONCURRENT_BOOTS",
    "OUTCOMES",
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
