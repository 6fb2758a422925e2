"""The emulated OpenStack services: what they answer and do, and nothing else.

HTTP, AMQP and spans are left to `runtime`. The services do not import each other; they share `oslo`, `auth`, the seed
data and the registry.
"""
