"""Where services listen where nobody says otherwise."""

__all__ = ["PORTS"]

PORTS = {
    "broker": 5672,
    "keystone": 5000,
    "neutron-server": 9696,
    "glance-api": 9292,
    "nova-api": 8774,
    "console": 8779,
    "nova-scheduler": 8780,
    "nova-compute": 8781,
}
"""OpenStack's usual ports. The last three are ours: the console's, and two where nothing but a health check answers."""
