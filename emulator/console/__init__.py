"""The console: a web page from which servers are booted, and on which their states and traces appear as they happen."""

from emulator.console.request_log import MOST_REQUESTS, RequestLog
from emulator.console.web_app import console

__all__ = ["MOST_REQUESTS", "RequestLog", "console"]
