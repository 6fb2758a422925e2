"""The live view of traces as they arrive: on a terminal a full screen, else a line for each trace.

A functional core (`state`, `updates`, `frame`) says what is shown; `live_view` and `screen` connect it to a terminal.
"""

from spantree.tail.inbox import Inbox
from spantree.tail.kept_traces import KeptTraces
from spantree.tail.line_output import LINE_SIGNALS, print_lines
from spantree.tail.live_view import VIEW_SIGNALS, view
from spantree.tail.screen import Screen
from spantree.tail.state import State
from spantree.tail.trace_lines import json_line, text_line
from spantree.tail.wakeup import wakeup

__all__ = [
    "LINE_SIGNALS",
    "VIEW_SIGNALS",
    "Inbox",
    "KeptTraces",
    "Screen",
    "State",
    "json_line",
    "print_lines",
    "text_line",
    "view",
    "wakeup",
]
