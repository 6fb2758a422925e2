"""The stock OpenStack client in this process, unmodified, under one span: its whole command is one trace.

Imported only where the extra `openstack` is installed.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from openstack.config import OpenStackConfig
from openstackclient.shell import OpenStackShell
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span
from requests import PreparedRequest

from emulator.client.boot_sequence import SERVICE, Credentials
from emulator.client.stock_errors import secrets_in, told, unreached
from emulator.instrumentation import error_type, mark_failed
from emulator.runtime.export import Export, tracer_of
from emulator.runtime.request_context import OWN_REQUEST_ID, REQUEST_ID, RequestContext, ServiceContext, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.spans import span

__all__ = ["Ended", "at_the_emulator", "run"]

INTERRUPTED = 130
CONVENTIONS = "OTEL_SEMCONV_STABILITY_OPT_IN"
HIDDEN_HEADERS = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
"""Names headers of which no value goes on a span, also where somebody wants all headers there."""
USUAL_PORTS = {"http": 80, "https": 443}
NEVER_SHOWN = ("authorization", "x-auth-token", "x-service-token", "x-subject-token")
NAMING_A_CLOUD = ("cloud", "auth-url", "auth-type", "token", "endpoint")
"""Options of the client. Where one is given, or its variable set, it is not for us to say where the cloud is."""
NAMING_A_USER = ("username", "password", "project-name")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the client ended; `trace_id` is None where no span is recorded."""

    status: int
    trace_id: str | None
    unreached: str
    """What it said of where it could not connect to, empty if that is not how it ended."""


def at_the_emulator(arguments: Sequence[str], environment: Mapping[str, str], keystone_url: str) -> dict[str, str]:
    """Return the `OS_*` variables that are missing for the client to use the emulator, as `emulator boot` does.

    None are where `OS_*`, `--os-*` or clouds.yaml name a cloud.
    """
    said = {name: value for name, value in environment.items() if value} | _options(arguments)
    if any(_variable(name) in said for name in NAMING_A_CLOUD) or _clouds_yaml_names_one():
        return {}
    user = Credentials.from_environment(keystone_url.rstrip("/"), said)
    wanted = {
        "OS_AUTH_URL": f"{user.auth_url}/v3",
        "OS_USERNAME": user.username,
        "OS_PASSWORD": user.password,
        "OS_PROJECT_NAME": user.project,
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": "RegionOne",
        "OS_IDENTITY_API_VERSION": "3",
    }
    return {name: value for name, value in wanted.items() if name not in said}


def _options(arguments: Sequence[str]) -> dict[str, str]:
    """Return what arguments say about cloud and user, by the variables that say the same."""
    options = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    for name in (*NAMING_A_CLOUD, *NAMING_A_USER):
        options.add_argument(f"--os-{name}", dest=_variable(name))
    try:
        found, _ = options.parse_known_args(arguments)
    except argparse.ArgumentError:  # the client will say so
        return {}
    return {name: value for name, value in vars(found).items() if value}


def _variable(option: str) -> str:
    return f"OS_{option.upper().replace('-', '_')}"


def _clouds_yaml_names_one() -> bool:
    """Whether the client would use a cloud of clouds.yaml by itself, as it does if there is only one."""
    try:
        config = OpenStackConfig()
    except Exception:  # noqa: BLE001 - of whichever kind: the client will stumble over the same, and say so
        return True
    return config.default_cloud not in {None, "defaults", config.envvar_key}


def run(arguments: Sequence[str], export: Export) -> Ended:
    """Run the client with its own arguments to its end."""
    rng = SeededRandom()
    provider = export.provider(SERVICE, rng)
    with request_scope(ServiceContext(SERVICE, tracer_of(provider), rng)) as scene, span("openstack") as root:
        shell = _Shell(root)
        with _instrumented(provider, scene):
            status, error = _ended(shell, arguments)
        root.set_attribute("process.exit.code", status)
        if error is not None:
            mark_failed(root, error_type(error), told(error, shell.secrets))
        elif status:
            mark_failed(root, str(status))
        recorded = root.is_recording()
    trace_id = f"{root.get_span_context().trace_id:032x}" if recorded else None
    return Ended(status, trace_id, unreached(error))


class _Shell(OpenStackShell):  # type: ignore[misc] # it is not always there
    """The client, watched for what it is asked to do and for what went wrong."""

    def __init__(self, root: Span) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self._root = root

    @property
    def secrets(self) -> set[str]:
        """What it logs in with, by options, variables or clouds.yaml, as far as it got to read them."""
        cloud = getattr(self, "cloud", None)
        logging_in = cloud.config.get("auth") if cloud else None
        return {*secrets_in(vars(self.options) if self.options else {}), *secrets_in(logging_in or {})}

    def initialize_app(self, argv: list[str]) -> None:
        try:
            super().initialize_app(argv)
        except Exception as error:
            self.error = error
            raise

    def prepare_to_run_command(self, cmd: Any) -> None:  # noqa: ANN401 - cliff's, where it is installed
        if not self.interactive_mode:
            self._root.update_name(f"openstack {cmd.cmd_name}")  # words alone: values may be secrets
        super().prepare_to_run_command(cmd)

    def clean_up(self, cmd: Any, result: int, err: BaseException | None) -> None:  # noqa: ANN401
        self.error = err
        super().clean_up(cmd, result, err)


def _ended(shell: _Shell, arguments: Sequence[str]) -> tuple[int, BaseException | None]:
    """Run the client. Return its exit status, and the error that it failed with, if it met one."""
    try:
        return int(shell.run(list(arguments))), shell.error
    except KeyboardInterrupt as interrupted:
        return INTERRUPTED, interrupted
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1, shell.error
        return ended.code or 0, shell.error


@contextmanager
def _instrumented(provider: TracerProvider, scene: RequestContext) -> Iterator[None]:
    """Make a CLIENT span of every request while the block lasts, by the stable semantic conventions."""
    os.environ[CONVENTIONS] = _stable(os.environ.get(CONVENTIONS, ""))
    hidden = os.environ.get(HIDDEN_HEADERS)
    os.environ[HIDDEN_HEADERS] = ",".join(filter(None, (hidden, *NEVER_SHOWN)))
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider, request_hook=_telling(scene))
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _stable(chosen: str) -> str:
    """Return which conventions are to be the stable ones: those chosen, and HTTP's without the old ones beside it."""
    others = (name.strip() for name in chosen.split(","))
    return ",".join(["http", *(name for name in others if name not in {"", "http", "http/dup"})])


def _telling(scene: RequestContext) -> Callable[[Span, PreparedRequest], None]:
    """Tell the emulator, by the headers of a request, that it is one of several, and the span what it lacks."""

    def tell(calling: Span, request: PreparedRequest) -> None:
        url = urlsplit(str(request.url))
        calling.set_attributes({**scene.attributes, "server.port": url.port or USUAL_PORTS[url.scheme]})
        request.headers[OWN_REQUEST_ID] = scene.request_id
        request.headers.setdefault(REQUEST_ID, scene.request_id)

    return tell
