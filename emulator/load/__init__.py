"""Load: many boots at a given rate, for any length of time. It knows the cloud as a user does, over HTTP."""

from emulator.load.arrivals import Plan, arrivals
from emulator.load.open_loop import run_load
from emulator.load.report import Limits, LoadReport
from emulator.load.statistics import Tally
from emulator.load.tenant import SERVERS_AT_ONCE, NoCloud, Tenant

__all__ = ["SERVERS_AT_ONCE", "Limits", "LoadReport", "NoCloud", "Plan", "Tally", "Tenant", "arrivals", "run_load"]
