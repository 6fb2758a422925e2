"""keystone, the identity service: it takes passwords, and answers scoped tokens with the catalog of services."""

from emulator.services.keystone.service import service

__all__ = ["service"]
