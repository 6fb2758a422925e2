"""Notifies nova when floating IPs or security groups of a server's ports have changed."""

from aiohttp import web

from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.models import Port
from emulator.services.notifications import FloatingAddress, NetworkChanged, notify_nova

__all__ = ["notify_servers", "server_of"]


def server_of(port: Port | None) -> str | None:
    """Return the id of the server that has the port, None if no server has it."""
    return port.device_id or None if port is not None and port.device_owner.startswith("compute:") else None


async def notify_servers(app: web.Application, *server_ids: str | None) -> None:
    """Notify nova of all floating IPs and security groups that these servers have now."""
    for server_id in dict.fromkeys(filter(None, server_ids)):
        ports = [port for port in app[DATABASE].ports.values() if port.device_id == server_id]
        addresses = tuple(
            FloatingAddress(str(floating.external.address), str(floating.fixed), port.mac_address)
            for port in ports
            for floating in app[DATABASE].floating_ips_of(port.id)
        )
        groups = app[DATABASE].security_groups
        names = tuple(groups[group].name for port in ports for group in port.security_groups if group in groups)
        await notify_nova(app, NetworkChanged(server_id, addresses, names))
