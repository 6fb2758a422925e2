"""The sockets that services listen on, bound before anything else starts, so that a port in use is reported early."""

import os
import socket

from emulator.urls import host_in_url

__all__ = ["PortInUse", "listen"]


class PortInUse(Exception):
    """A service cannot listen on its address and port, usually because another process does."""

    def __init__(self, name: str, address: str, port: int, why: str) -> None:
        super().__init__(f"{name} cannot listen on {host_in_url(address)}:{port}: {why}")


def listen(name: str, address: str, port: int) -> socket.socket:
    """Return a listening socket for the service `name`; port 0 picks a free one. Raises PortInUse.

    The address `::` accepts IPv4 connections too, if the system supports that.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket_address = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)[0][4]
        dual_stack = socket_address[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(socket_address, family=family, backlog=1024, dualstack_ipv6=dual_stack)
    except socket.gaierror as error:
        raise PortInUse(name, address, port, error.strerror or str(error)) from error
    except OSError as error:
        # create_server puts the address into strerror; the errno alone has the plain reason.
        raise PortInUse(name, address, port, os.strerror(error.errno or 0)) from error
    except (OverflowError, UnicodeError) as error:  # a port above 65535; a host name that IDNA cannot encode
        raise PortInUse(name, address, port, str(error)) from error
