"""Traces that clients start: with traceparent, with osprofiler's signed headers, or with neither."""

import base64
import hmac
import json
import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from emulator.cloud import Settings
from emulator.reference import tree_text
from spantree import Span, SpanTree, otlp_json, spans_from_sdk, trees
from tests.conftest import RunningCloud, start_cloud, trace_of
from tests.support.processes import run

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVICES = set(re.findall(r"^ *([a-z-]+): ", tree_text("boot"), re.MULTILINE)) - {"openstack-client"}
"""The services that take part in a boot."""
BASE, ABOVE = "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "8e8798ca-6f1c-4d3b-9a55-0c1f2e3d4a5b"
KEYS = ("not this one", "SECRET_KEY")


def signed(info: object, key: str = "SECRET_KEY") -> dict[str, str]:
    """Headers as `osprofiler.web.get_trace_id_headers` makes them."""
    text = base64.urlsafe_b64encode(info if isinstance(info, bytes) else json.dumps(info).encode()).decode()
    return {"X-Trace-Info": text, "X-Trace-HMAC": hmac.new(key.encode(), text.encode(), "sha1").hexdigest()}


def profiled(base: str = BASE, parent: str = BASE) -> dict[str, str]:
    return signed({"base_id": base, "parent_id": parent})


async def spans_of(requests: Sequence[Mapping[str, str]], keys: Sequence[str] = KEYS) -> list[Span]:
    """Send requests with these headers and no token; return the server spans."""
    async with start_cloud(Settings(pace=0, profiler_keys=keys)) as running_cloud:
        for number, headers in enumerate(requests):
            url = f"{running_cloud.cloud.endpoints['nova-api']}/v2.1/servers?request={number}"
            async with running_cloud.session.get(url, headers=headers) as response:
                assert response.status == 401
    found = {span.attributes.get("url.query"): span for span in spans_from_sdk(running_cloud.export.kept)}
    return [found[f"request={number}"] for number in range(len(requests))]


def event_of(span: Span) -> str:
    return " ".join(str(event.attributes["openstack.osprofiler.ignored"]) for event in span.events)


async def boot(headers: Mapping[str, str], keys: Sequence[str] = ()) -> RunningCloud:
    """Boot a server on a new cloud, by a client without spans; return the cloud."""
    async with start_cloud(Settings(pace=0, profiler_keys=keys)) as running_cloud:
        api = await running_cloud.api()
        status, body = await api.create({**headers})
        assert status == 202
        await api.until(body["server"]["id"], "ACTIVE")
    return running_cloud


def the_boot(running_cloud: RunningCloud) -> SpanTree:
    """Return the trace with the request for the server."""
    found = trees(spans_from_sdk(running_cloud.export.kept))
    return next(trace for trace in found if trace.all("nova-api", name="POST /v2.1/servers"))


@pytest.mark.parametrize("flags", ["01", "03"])
async def test_a_boot_continues_the_trace_of_a_traceparent(flags: str) -> None:
    running_cloud = await boot({"traceparent": f"00-{TRACE}-{PARENT}-{flags}"})
    trace = trace_of(running_cloud, TRACE)
    assert [(root.name, root.parent_id) for root in trace.roots] == [("POST /v2.1/servers", PARENT)]
    assert set(trace.services) == SERVICES


async def test_without_trace_headers_a_boot_is_one_trace_below_its_request() -> None:
    running_cloud = await boot({})
    assert {len(trace.roots) for trace in trees(spans_from_sdk(running_cloud.export.kept))} == {1}
    booted = the_boot(running_cloud)
    assert [root.name for root in booted.roots] == ["POST /v2.1/servers"]
    assert booted.all("nova-compute", name="spawn")
    assert set(booted.services) == SERVICES


async def test_a_boot_signed_by_osprofiler_has_its_base_id_as_trace_id() -> None:
    running_cloud = await boot(profiled(), KEYS)
    trace = trace_of(running_cloud, uuid.UUID(BASE).hex)
    assert [(root.name, root.parent_id) for root in trace.roots] == [("POST /v2.1/servers", "")]
    assert set(trace.services) == SERVICES
    assert {span.attributes.get("openstack.osprofiler.base_id") for span in trace.spans} == {BASE}
    assert not [text for span in running_cloud.export.kept for text in KEYS if text in span.to_json()]


async def test_osprofiler_ids_become_span_ids_as_in_its_own_driver() -> None:
    root, below, without, both = await spans_of(
        [
            profiled(),
            profiled(parent=ABOVE),
            signed({"base_id": BASE.upper()}, KEYS[0]),
            {**profiled(parent=ABOVE), "traceparent": f"00-{TRACE}-{PARENT}-01"},
        ]
    )
    base = uuid.UUID(BASE).hex
    assert [(span.trace_id, span.parent_id) for span in (root, below, without, both)] == [
        (base, ""),
        (base, uuid.UUID(ABOVE).hex[16:]),
        (base, ""),
        (TRACE, PARENT),
    ]
    assert {span.attributes["openstack.osprofiler.base_id"] for span in (root, below, without, both)} == {BASE}


UNTRUSTED = {
    "signed with another key": (signed({"base_id": BASE, "parent_id": BASE}, "wrong"), "not signed with a key"),
    "not signed": ({"X-Trace-Info": profiled()["X-Trace-Info"]}, "not signed with a key"),
    "a signature that is no text": ({**profiled(), "X-Trace-HMAC": "\xfc"}, "not signed with a key"),
    "signed for other ids": (
        {**profiled(), "X-Trace-HMAC": profiled(parent=ABOVE)["X-Trace-HMAC"]},
        "not signed with a key",
    ),
    "huge": (signed({"base_id": BASE, "parent_id": "0" * 1024}), "1024 are the limit"),
    "no JSON": (signed(b"no JSON"), "UUIDs"),
    "no UTF-8": (signed(b"{\xff}"), "UUIDs"),
    "a list": (signed([BASE, BASE]), "UUIDs"),
    "no ids": (signed({}), "UUIDs"),
    "no UUID": (signed({"base_id": "1", "parent_id": BASE}), "UUIDs"),
    "more than ids": (signed({"base_id": BASE, "hmac_key": "SECRET_KEY"}), "UUIDs"),
    "zero": (signed({"base_id": str(uuid.UUID(int=0))}), "zero"),
}


async def test_untrusted_osprofiler_headers_are_ignored_with_an_event() -> None:
    spans = await spans_of([headers for headers, _ in UNTRUSTED.values()])
    events = {name: event_of(span) for name, span in zip(UNTRUSTED, spans, strict=True)}
    assert {name: why for name, (_, why) in UNTRUSTED.items() if why not in events[name]} == {}
    assert not [span for span in spans if span.trace_id == uuid.UUID(BASE).hex or span.parent_id]
    assert not [span for span in spans if "openstack.osprofiler.base_id" in span.attributes]


async def test_without_a_key_osprofiler_headers_are_ignored() -> None:
    [span] = await spans_of([profiled()], keys=())
    assert span.trace_id != uuid.UUID(BASE).hex
    assert event_of(span) == "there is no key to verify it with"


async def test_a_trace_is_found_by_the_id_that_osprofiler_shows(tmp_path: Path) -> None:
    running_cloud = await boot(profiled(), KEYS)
    (tmp_path / "boot.json").write_text(json.dumps(otlp_json(spans_from_sdk(running_cloud.export.kept))))
    found = await run("show", str(tmp_path / "boot.json"), "--trace", BASE)
    assert (found.status, found.err) == (0, "")
    assert f"trace {uuid.UUID(BASE).hex} " in found.out


async def test_the_osprofiler_key_is_not_printed() -> None:
    refused = await run("up", "--osprofiler-hmac-key", "", EMULATOR_PORT_BASE="0")
    assert (refused.status, "the key is empty" in refused.err) == (2, True)
    for command in ("up", "serve"):
        helped = await run(command, "--help", EMULATOR_OSPROFILER_HMAC_KEY="hush1 hush2")
        assert ("--osprofiler-hmac-key" in helped.out, "hush" in helped.out) == (True, False)


def test_without_the_stock_client_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openstackclient", None)
    refused = CliRunner().invoke(app, ["openstack", "server", "list"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert re.fullmatch(
        r"emulator: the stock client is not installed; .* uv run --extra openstack .*\n", refused.stderr
    )
