"""The emulated OpenStack services: what they answer and do, and nothing else.

HTTP, AMQP and spans are `runtime`'s business. The services do not know each other; they share `oslo`, `auth`, the seed
data and the registry.
"""
