"""Runs the unmodified stock OpenStack client in this process, under one span: each command is one trace.

Imported only where the extra `openstack` is installed.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from keystoneauth1.exceptions import ConnectFailure, HttpError
from openstack.config import OpenStackConfig
from openstack.exceptions import HttpException
from openstackclient.shell import OpenStackShell
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span
from oslo_utils.strutils import mask_password
from requests import PreparedRequest

from emulator.client.api_templates import api_template
from emulator.client.boot_sequence import SERVICE
from emulator.client.command_attributes import command_attributes
from emulator.client.credentials import Credentials
from emulator.instrumentation import error_type, mark_failed
from emulator.instrumentation.http_attributes import span_name
from emulator.runtime.export import Export, tracer_of
from emulator.runtime.request_context import OWN_REQUEST_ID, REQUEST_ID, RequestContext, ServiceContext, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.spans import span
from emulator.urls import without_user

__all__ = ["ClientResult", "emulator_variables", "run"]

INTERRUPTED = 130
STABILITY_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
SANITIZED_HEADERS = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
"""Lists headers whose values are never put on a span, even if a user asks for all headers."""
DEFAULT_PORTS = {"http": 80, "https": 443}
SECRET_HEADERS = ("authorization", "x-auth-token", "x-service-token", "x-subject-token")
CLOUD_OPTIONS = ("cloud", "auth-url", "auth-type", "token", "endpoint")
"""The client's options that select a cloud. If one of them or its variable is set, the emulator selects none."""
USER_OPTIONS = ("username", "password", "project-name")
SECRET_SETTING = re.compile(r"(password|passcode|secret|token)$")


@dataclass(frozen=True, slots=True)
class ClientResult:
    """How the client ended; `trace_id` is None if no span is recorded."""

    status: int
    trace_id: str | None
    connection_error: str
    """The error message, with the URL, if the client could not connect; else empty."""


def emulator_variables(arguments: Sequence[str], environment: Mapping[str, str], keystone_url: str) -> dict[str, str]:
    """Return the `OS_*` variables that the client needs to use the emulator, as the user of `emulator boot`.

    Empty if `OS_*`, `--os-*` or clouds.yaml already select a cloud.
    """
    chosen = {name: value for name, value in environment.items() if value} | _options(arguments)
    if any(_variable(name) in chosen for name in CLOUD_OPTIONS) or _clouds_yaml_chooses_a_cloud():
        return {}
    user = Credentials.from_environment(keystone_url.rstrip("/"), chosen)
    needed = {
        "OS_AUTH_URL": f"{user.auth_url}/v3",
        "OS_USERNAME": user.username,
        "OS_PASSWORD": user.password,
        "OS_PROJECT_NAME": user.project,
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": "RegionOne",
        "OS_IDENTITY_API_VERSION": "3",
    }
    return {name: value for name, value in needed.items() if name not in chosen}


def _options(arguments: Sequence[str]) -> dict[str, str]:
    """Return the client's options for the cloud and the user, keyed by the equivalent `OS_*` variables."""
    options = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    for name in (*CLOUD_OPTIONS, *USER_OPTIONS):
        options.add_argument(f"--os-{name}", dest=_variable(name))
    try:
        found, _ = options.parse_known_args(arguments)
    except argparse.ArgumentError:  # the client parses the same arguments, and reports the error
        return {}
    return {name: value for name, value in vars(found).items() if value}


def _variable(option: str) -> str:
    return f"OS_{option.upper().replace('-', '_')}"


def _clouds_yaml_chooses_a_cloud() -> bool:
    """Whether the client selects a cloud from clouds.yaml by itself, as it does if the file has only one."""
    try:
        config = OpenStackConfig()
    except Exception:  # noqa: BLE001 - the client gets the same error, of whatever type, and reports it
        return True
    return config.default_cloud not in {None, "defaults", config.envvar_key}


def run(arguments: Sequence[str], export: Export) -> ClientResult:
    """Run the client with these arguments until it ends."""
    rng = SeededRandom()
    provider = export.provider(SERVICE, rng)
    with request_scope(ServiceContext(SERVICE, tracer_of(provider), rng)) as scope, span("openstack") as root:
        shell = _Shell(root)
        with _instrumented(provider, scope):
            status, error = _run_shell(shell, arguments)
        root.set_attribute("process.exit.code", status)
        if error is not None:
            mark_failed(root, error_type(error), _safe_message(error, shell.secrets))
        elif status:
            mark_failed(root, str(status))
        recorded = root.is_recording()
    trace_id = f"{root.get_span_context().trace_id:032x}" if recorded else None
    return ClientResult(status, trace_id, str(error) if isinstance(error, ConnectFailure) else "")


class _Shell(OpenStackShell):  # type: ignore[misc] # it is not always installed
    """The client. Keeps its error, and names the root span after the command."""

    def __init__(self, root: Span) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self._root = root

    @property
    def secrets(self) -> set[str]:
        """The secrets that the client has read so far from options, variables or clouds.yaml."""
        cloud = getattr(self, "cloud", None)
        auth = cloud.config.get("auth") if cloud else None
        return {*_secrets_in(vars(self.options) if self.options else {}), *_secrets_in(auth or {})}

    def initialize_app(self, argv: list[str]) -> None:
        try:
            super().initialize_app(argv)
        except Exception as error:
            self.error = error
            raise

    def prepare_to_run_command(self, cmd: Any) -> None:  # noqa: ANN401 - cliff's, where it is installed
        if not self.interactive_mode:
            self._root.update_name(f"openstack {cmd.cmd_name}")  # without arguments, which may be secrets
            self._describe(cmd)
        super().prepare_to_run_command(cmd)

    def _describe(self, cmd: Any) -> None:  # noqa: ANN401
        """Add the command's server to the root span. cliff passes the parsed arguments only to the command itself."""
        run = cmd.run

        def described(parsed: argparse.Namespace) -> Any:  # noqa: ANN401
            for name, value in command_attributes(cmd.cmd_name, parsed).items():
                self._root.set_attribute(name, _without_secrets(str(value), self.secrets))
            return run(parsed)

        cmd.run = described

    def clean_up(self, cmd: Any, result: int, err: BaseException | None) -> None:  # noqa: ANN401
        self.error = err
        super().clean_up(cmd, result, err)


def _run_shell(shell: _Shell, arguments: Sequence[str]) -> tuple[int, BaseException | None]:
    """Run the client. Return its exit status and the error that it failed with, if any."""
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
def _instrumented(provider: TracerProvider, scope: RequestContext) -> Iterator[None]:
    """Make a CLIENT span for every request while the block lasts, following the stable semantic conventions."""
    os.environ[STABILITY_OPT_IN] = _with_stable_http(os.environ.get(STABILITY_OPT_IN, ""))
    sanitized = os.environ.get(SANITIZED_HEADERS)
    os.environ[SANITIZED_HEADERS] = ",".join(filter(None, (sanitized, *SECRET_HEADERS)))
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider, request_hook=_request_hook(scope))
    try:
        yield
    finally:
        instrumentor.uninstrument()


def _with_stable_http(opt_in: str) -> str:
    """Add the stable HTTP conventions to a list of opt-ins; drop `http/dup`, which would keep the old ones too."""
    others = (name.strip() for name in opt_in.split(","))
    return ",".join(["http", *(name for name in others if name not in {"", "http", "http/dup"})])


def _request_hook(scope: RequestContext) -> Callable[[Span, PreparedRequest], None]:
    """Return a hook that adds the emulator's attributes to the span, and its request id headers to the request.

    The instrumentation names spans by their method alone. Where the template of the URL is known, it is added.
    """

    def on_request(client_span: Span, request: PreparedRequest) -> None:
        url = urlsplit(str(request.url))
        client_span.set_attributes({**scope.attributes, "server.port": url.port or DEFAULT_PORTS[url.scheme]})
        if (template := api_template(url.path)) is not None:
            client_span.update_name(span_name(str(request.method), template))
            client_span.set_attribute("url.template", template)
        request.headers[OWN_REQUEST_ID] = scope.request_id
        request.headers.setdefault(REQUEST_ID, scope.request_id)  # unless the user has chosen a global request id

    return on_request


def _safe_message(error: BaseException, secrets: Iterable[str]) -> str:
    """Return the message of an error answer, without secrets. Empty for other errors.

    Those may quote the client's arguments and settings.
    """
    if not isinstance(error, HttpError | HttpException):
        return ""
    return _without_secrets(without_user(mask_password(str(error))), secrets)


def _without_secrets(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):  # the longest first: one secret may contain another
        text = text.replace(secret, "***")
    return text


def _secrets_in(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield the values of the settings that are secrets, such as passwords and tokens."""
    return (str(value) for name, value in settings.items() if value and SECRET_SETTING.search(name))
