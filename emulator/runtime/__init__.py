"""What every service runs on: HTTP server and client, message bus, health, tasks, and the spans and faults of requests.

Of OpenStack it knows only the prefix of the emulator's attributes, and osprofiler's headers.
"""
