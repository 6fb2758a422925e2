"""keystone, the identity service: it checks passwords and issues scoped tokens, with the catalog of services."""

from emulator.services.keystone.service import service

__all__ = ["service"]
