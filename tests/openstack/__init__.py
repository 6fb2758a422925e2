"""Stock OpenStack clients, unmodified, on `emulator up`."""
