"""Where faults act: from outside, by wrapping what the runtime does for a request.

Each `…_with_fault` takes the healthy action and does it as the request's fault has it. So neither the instrumentation
nor the services ask whether there is a fault. One file for each kind of place: `work` (simulated work), `traces` (spans
and context), `messages` and `connections`; `acting` says whether a fault acts at a place.
"""

from emulator.runtime.fault_injection.acting import FAULT_NAME, apply_fault, fault_at, mark, take_fault

__all__ = ["FAULT_NAME", "apply_fault", "fault_at", "mark", "take_fault"]
