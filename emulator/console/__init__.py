"""The console: a web page that boots servers, and shows their states and traces as they change."""

from emulator.console.request_log import MOST_REQUESTS, RequestLog
from emulator.console.web_app import console

__all__ = ["MOST_REQUESTS", "RequestLog", "console"]
