"""A service's life: HTTP server and client, message bus, health, tasks, and the spans and faults of its requests.

It knows nothing of OpenStack but the prefix of our own attributes, and osprofiler's headers.
"""
