"""Makes faults act, from outside: it wraps what the runtime does for a request.

Each `…_with_fault` takes a normal action and performs it with the request's fault applied, so that neither the
instrumentation nor the services have to check for faults. There is one file for each kind of target: `work` (simulated
work), `traces` (spans and context), `messages` and `connections`. `acting` decides whether a fault acts.
"""

from emulator.runtime.fault_injection.acting import FAULT_NAME, apply_fault, fault_at, mark, take_fault

__all__ = ["FAULT_NAME", "apply_fault", "fault_at", "mark", "take_fault"]
