"""The console: one page from which a presenter boots servers, and watches what comes of it, span by span."""

from emulator.console.request_log import MOST_REQUESTS, RequestLog
from emulator.console.web_app import console

__all__ = ["MOST_REQUESTS", "RequestLog", "console"]
