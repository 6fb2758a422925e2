"""`emulator openstack`: the stock client's whole command is one trace."""

import asyncio
import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spantree import SpanTree, otlp_json
from tests.openstack.conftest import Up, User, ended
from tests.support.processes import Ended, environment

pytestmark = pytest.mark.openstack

CHECK_SEMCONV = Path(__file__).parents[3] / "shared" / "check_semconv.py"
ORDER = "server create --image cirros --flavor m1.tiny --network private"
NOBODY = "--os-auth-url http://127.0.0.1:1"
COMMAND = (sys.executable, "-m", "emulator")  # the stock client itself causes warnings
SERVICES = {"keystone", "nova-api", "nova-scheduler", "nova-compute", "neutron-server", "glance-api"}


async def openstack(up: Up, command: str, **variables: str) -> Ended:
    """Run `emulator openstack` as a user who has configured only the URLs of the emulator and the collector."""
    where = {"EMULATOR_KEYSTONE_URL": up.endpoints["keystone"], **up.spans.environment}
    return await ended(*COMMAND, "openstack", *shlex.split(command), **{**where, **variables})


async def exported_trace(up: Up, err: str) -> SpanTree:
    """Return the trace whose id the command has printed on stderr."""
    return await up.trace(printed_trace_id(err))


def printed_trace_id(err: str) -> str:
    [trace_id] = re.findall(r"^trace ([0-9a-f]{32}), sent to http\S+; in Jaeger: http\S+/trace/\1$", err, re.MULTILINE)
    return str(trace_id)


async def test_a_boot_is_one_trace_from_the_command_to_the_last_service(up: Up, tmp_path: Path) -> None:
    booted = await openstack(up, f"{ORDER} one-trace --wait -f json")
    assert booted.status == 0, booted.err
    assert json.loads(booted.out)["status"] == "ACTIVE"
    trace = await exported_trace(up, booted.err)
    [root] = trace.roots
    assert (root.service, root.kind, root.name) == ("openstack-client", "internal", "openstack server create")
    assert {name: root.attributes[f"openstack.server.{name}"] for name in ("name", "image", "flavor", "network")} == {
        "name": "one-trace",
        "image": "cirros",
        "flavor": "m1.tiny",
        "network": "private",
    }
    assert set(trace.services) == {"openstack-client", *SERVICES}
    calls = trace.all("openstack-client", kind="client")
    assert {call.parent for call in calls} == {root}
    assert [[child.name for child in call.children] for call in calls] == [[call.name] for call in calls]
    assert [call.name for call in calls][:2] == ["GET /v3", "POST /v3/auth/tokens"]  # discovery is part of the trace
    assert all(call.name.endswith(call.attributes["url.template"]) for call in calls)
    assert len({span.attributes["openstack.request.id"] for span in trace.spans}) == 1
    assert trace.check() == []
    assert check_semantic_conventions(trace, tmp_path).endswith(" 0 violations")
    await openstack(up, "server delete --wait one-trace")


def check_semantic_conventions(trace: SpanTree, where: Path) -> str:
    """Return the last line of the semantic conventions' checker, if it is available."""
    if not CHECK_SEMCONV.exists():
        return "not checked, 0 violations"
    (where / "trace.json").write_text(json.dumps(otlp_json(trace.spans)))
    checker = [sys.executable, str(CHECK_SEMCONV), str(where / "trace.json")]
    return subprocess.run(checker, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()  # noqa: S603 - ours


async def test_a_failed_lookup_is_an_error_on_the_client_span_only(up: Up) -> None:
    shown = await openstack(up, "image show nope")
    assert (shown.status, shown.out) == (1, "")
    assert shown.err.startswith("No Image found for nope\n")
    trace = await exported_trace(up, shown.err)
    assert trace.roots[0].error_type.endswith("NotFoundException")
    assert [span.name for span in trace.all(kind="server") if span.failed] == []
    assert [span.status for span in trace.all("openstack-client", kind="client") if span.failed] == [404]


@pytest.mark.parametrize(
    ("command", "name", "status", "error"),
    [
        ("--os-password hunter2 token issue", "openstack token issue", 1, "keystoneauth1.exceptions.http.Unauthorized"),
        (
            f"{NOBODY}/v3 --os-auth-type v3token --os-token 'bad\nhunter2' token issue",
            *("openstack token issue", 1, "keystoneauth1.exceptions.connection.UnknownConnectionError"),
        ),
        (
            f"{NOBODY.replace('//', '//me:hunter2@')}/v3 --os-username me --os-password hunter2 token issue",
            *("openstack token issue", 1, "keystoneauth1.exceptions.connection.ConnectFailure"),
        ),
        ("server show", "openstack server show", 2, "2"),
        ("server frobnicate hunter2", "openstack", 2, "2"),
        ("--version", "openstack", 0, ""),
    ],
)
async def test_the_root_span_has_the_commands_name_and_exit_code(
    up: Up, command: str, name: str, status: int, error: str
) -> None:
    result = await openstack(up, command)
    trace = await exported_trace(up, result.err)
    root = trace.roots[0]
    assert (result.status, root.name, root.error_type) == (status, name, error)
    assert root.attributes["process.exit.code"] == status
    assert "hunter2" not in json.dumps(otlp_json(trace.spans))


async def test_an_error_message_on_a_span_does_not_contain_the_password(up: Up) -> None:
    shown = await openstack(up, "image show no-secret")
    assert shown.err.startswith("No Image found for no-secret\n")
    assert (await exported_trace(up, shown.err)).roots[0].message == "No Image found for no-***"


@pytest.mark.parametrize("chosen", ["database", "http/dup, database"])
async def test_spans_follow_the_stable_conventions_whatever_the_opt_in(up: Up, chosen: str) -> None:
    issued = await openstack(up, "token issue", OTEL_SEMCONV_STABILITY_OPT_IN=chosen)
    assert (await exported_trace(up, issued.err)).check() == []


async def test_a_missing_emulator_and_a_missing_collector_are_reported(up: Up) -> None:
    nobody = {"EMULATOR_KEYSTONE_URL": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    alone, unsent, elsewhere = await asyncio.gather(
        openstack(up, "token issue", **nobody, OTEL_TRACES_EXPORTER="none"),
        openstack(up, "token issue", **nobody),
        openstack(up, f"{NOBODY}/v3 --os-username me --os-password none token issue", **nobody),
    )
    hint = "emulator: no emulator at http://127.0.0.1:1: start one with emulator up, or pass its --keystone-url"
    assert [hint in ended.err.splitlines() for ended in (alone, unsent, elsewhere)] == [True, True, False]
    whereabouts = [ended.err.splitlines()[-1].partition(", which ")[2] for ended in (alone, unsent)]
    assert whereabouts == [
        "was not sent: set --otlp or OTEL_EXPORTER_OTLP_ENDPOINT to the URL of a collector",
        "http://127.0.0.1:1/v1/traces did not accept",
    ]


async def test_no_secret_is_on_a_span_even_if_all_headers_are_captured(up: Up) -> None:
    everything = {
        f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_{which}": ".*" for which in ("REQUEST", "RESPONSE")
    }
    issued = await openstack(up, "token issue -f value -c id", **everything)
    shown = json.dumps(otlp_json((await exported_trace(up, issued.err)).spans))
    assert "x_subject_token" in shown
    assert issued.out.strip() not in shown
    assert "gAAAA" not in shown
    assert '"secret"' not in shown


async def test_the_user_comes_from_options_variables_or_clouds_yaml(
    up: Up, admin: User, demo: User, tmp_path: Path
) -> None:
    of_demo = up.clouds_yaml.replace("admin", "demo")
    (tmp_path / "clouds.yaml").write_text(of_demo)
    (tmp_path / "two.yaml").write_text(of_demo + of_demo.replace("clouds:\n", "").replace("emulator", "other"))
    who = "token issue -f value -c project_id"
    one, two = (str(tmp_path / name) for name in ("clouds.yaml", "two.yaml"))
    results = await asyncio.gather(
        openstack(up, who),
        openstack(up, who, OS_USERNAME="demo"),
        openstack(up, f"--os-username demo {who}"),
        openstack(up, who, **demo.variables),
        openstack(up, who, OS_CLIENT_CONFIG_FILE=one),
        openstack(up, who, OS_CLIENT_CONFIG_FILE=two),
        openstack(up, f"--os-cloud other {who}", OS_CLIENT_CONFIG_FILE=two),
        openstack(up, who, OS_CLIENT_CONFIG_FILE=two, OS_CLOUD="other"),
    )
    projects = {row["ID"]: row["Name"] for row in await admin.json("project list")}
    assert [projects.get(ended.out.strip(), ended.err) for ended in results] == [
        *("admin", "demo", "demo", "demo", "demo", "admin", "demo", "demo")
    ]


async def test_the_emulators_password_is_never_sent_to_another_cloud(up: Up) -> None:
    named = await openstack(up, "token issue", OS_AUTH_URL=f"{up.endpoints['keystone']}/v3")
    assert named.status == 1
    assert "auth" in named.err.lower() or "password" in named.err.lower()
    assert not (await exported_trace(up, named.err)).all("keystone", name="POST /v3/auth/tokens")


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_an_interrupted_command_exports_its_spans(up: Up, by: signal.Signals, status: int) -> None:
    asked = asyncio.Event()

    async def keep_waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(keep_waiting, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        where = environment(EMULATOR_KEYSTONE_URL=f"http://127.0.0.1:{port}", **up.spans.environment)
        command = (*COMMAND, "openstack", "token", "issue")
        process = await asyncio.create_subprocess_exec(*command, env=where, stderr=asyncio.subprocess.PIPE)
        await asked.wait()
        process.send_signal(by)
        _, err = await process.communicate()
    [root] = (await up.spans.trace(trace_id=printed_trace_id(err.decode()))).roots
    assert (process.returncode, root.name, root.failed) == (status, "openstack token issue", True)
    assert root.attributes["process.exit.code"] == status
