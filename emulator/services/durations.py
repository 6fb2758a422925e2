"""How long simulated work takes."""

from emulator.runtime.request_context import Duration

__all__ = ["DURATIONS"]

DURATIONS = {
    "check password": Duration(0.060),
    "select_destinations": Duration(0.035),
    "find network": Duration(0.080),
    "find image": Duration(0.120),
    "spawn": Duration(1.400, sigma=0.15),
    "destroy": Duration(0.300),
    "power off": Duration(0.800),
    "power on": Duration(0.900),
    "reboot": Duration(1.200),
    "pause": Duration(0.100),
    "unpause": Duration(0.100),
    "suspend": Duration(0.600),
    "resume": Duration(0.500),
    "back off": Duration(0.250, sigma=0.10),  # doubled on every retry
}
"""The median in seconds, and the spread, by the name of the work. A boot takes 2 s at `--pace 1`."""
