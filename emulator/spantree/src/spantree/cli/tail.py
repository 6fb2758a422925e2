"""`tail`: watch traces as they arrive over OTLP, from any program."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated

from spantree.cli.errors import CannotListen, exit_with
from spantree.cli.glyphs import ascii_only
from spantree.cli.options import Ascii, option
from spantree.cli.program import current
from spantree.cli.validators import printable
from spantree.receiver import OtlpServer
from spantree.tail import (
    LINE_SIGNALS,
    VIEW_SIGNALS,
    Inbox,
    KeptTraces,
    Screen,
    State,
    json_line,
    print_lines,
    text_line,
    view,
    wakeup,
)

__all__ = ["tail"]

USUAL_PORTS = (4317, 4318)
"""Where SDKs send OTLP by default, over gRPC and over HTTP. Here each port takes both."""

Bind = Annotated[str, option("bind", "The address to listen on; 0.0.0.0 means all IPv4 addresses.", callback=printable)]
Ports = Annotated[
    list[int] | None,
    option(
        "otlp-port",
        "Listen on this port, for OTLP over HTTP and over gRPC. Can be repeated; 0 picks a free port.",
        min=0,
        max=65535,
        show_default="4317 and 4318",
    ),
]
Limit = Annotated[int, option("limit", "How many traces to keep; the oldest make room for new ones.", min=1)]
AsJson = Annotated[bool, option("json", "Print a line of JSON for each trace, also at a terminal.")]


def tail(
    bind: Bind = "127.0.0.1",
    otlp_port: Ports = None,
    limit: Limit = 1000,
    *,
    as_json: AsJson = False,
    no_unicode: Ascii = False,
) -> None:
    """Watch traces as they arrive over OTLP, from any program.

    At a terminal this is a list of traces, with the waterfall of the chosen one and the details of its spans. The keys
    are shown at the bottom. In a pipe, a line is printed for each trace when it is complete.
    """
    if no_unicode:
        ascii_only()
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # grpcio would write its log across the screen
    ports = otlp_port or USUAL_PORTS
    if not as_json and _has_screen():
        exit_with(lambda: _watch(bind, ports, limit))
    exit_with(lambda: _print(bind, ports, limit, as_json=as_json))


def _has_screen() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _watch(bind: str, ports: Sequence[int], limit: int) -> int:
    with wakeup(*VIEW_SIGNALS) as waking, ExitStack() as servers:
        inbox = Inbox(waking.notify)
        endpoints = _serve(servers, inbox, bind, ports)
        state = State(KeptTraces(limit), f"{current().name} tail", endpoints, current().vocabulary())
        with Screen() as screen:
            return view(inbox, waking, screen, state)


def _print(bind: str, ports: Sequence[int], limit: int, *, as_json: bool) -> int:
    with wakeup(*LINE_SIGNALS) as waking, ExitStack() as servers:
        inbox = Inbox(waking.notify)
        endpoints = _serve(servers, inbox, bind, ports)
        print(f"{current().name}: receiving OTLP at {' and '.join(endpoints)}", file=sys.stderr, flush=True)
        return print_lines(inbox, waking, limit, json_line if as_json else text_line)


def _serve(servers: ExitStack, inbox: Inbox, bind: str, ports: Sequence[int]) -> tuple[str, ...]:
    """Listen on all ports until the stack is closed; return their URLs. Raises CannotListen."""
    threading.excepthook = inbox.put_error  # a connection's thread that fails would write a traceback to the screen
    endpoints = []
    for port in ports:
        try:
            server = servers.enter_context(OtlpServer(lambda batch: inbox.put(batch.spans()), port, bind))
        except OSError as error:
            raise CannotListen(bind, port, error) from error
        endpoints.append(f"http://{f'[{bind}]' if ':' in bind else bind}:{server.port}")
    return tuple(endpoints)
