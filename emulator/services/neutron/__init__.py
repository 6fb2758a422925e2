"""neutron-server: which networks there are, and who has which address on them."""

from emulator.services.neutron.service import service

__all__ = ["service"]
