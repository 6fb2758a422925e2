"""keystone: who may do what. Passwords in, scoped tokens and the catalog out."""

from emulator.services.keystone.service import service

__all__ = ["service"]
