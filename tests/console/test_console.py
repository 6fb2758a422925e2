"""The console: driven in a real browser, and attacked over HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from playwright.async_api import Browser, Page, expect

from emulator.cloud import Cloud, Settings, run_cloud
from emulator.console import MOST_REQUESTS, RequestLog, console
from emulator.console.event_stream import EventStream
from emulator.runtime.export import Export, otlp_exporter
from emulator.runtime.heartbeats import Heartbeats
from spantree import OtlpReceiver, Span, spans_from_sdk, trees
from tests.conftest import REFERENCE, credentials
from tests.support.browser import a_browser, a_page, needs_chromium
from tests.support.processes import PATIENCE_SECONDS, free_port, run, started
from tests.support.servers import http, saying

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as launched:
        yield launched


@dataclass(frozen=True)
class Console:
    """A running console, its cloud, and all their spans."""

    url: str
    up: Cloud
    export: Export
    session: aiohttp.ClientSession

    @property
    def spans(self) -> list[Span]:
        return spans_from_sdk(self.export.kept)

    async def token(self) -> str:
        """The token that its page holds."""
        async with self.session.get(self.url) as response:
            config = re.findall(r'id="config">(.*?)</script>', await response.text())[0]
            return str(json.loads(config)["token"])

    async def ask(self, method: str, path: str, headers: dict[str, str], **more: Any) -> tuple[int, Any]:
        async with self.session.request(method, self.url + path, headers=headers, **more) as response:
            return response.status, await response.json()

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        """The events that an open page gets, as pairs of kind and data."""
        async with asyncio.timeout(PATIENCE_SECONDS), self.session.get(self.url + "events") as response:
            kind = ""
            async for line in response.content:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    async def first_event(self, kind: str, fits: Callable[[list[Any]], bool] = bool) -> list[Any]:
        """The data of the first event of a kind that fits."""
        async for event_kind, data in self.events():
            if event_kind == kind and fits(data):
                return list(data)
        raise AssertionError(f"the stream ended without {kind}")

    async def servers(self) -> list[dict[str, Any]]:
        """The servers, from nova-api."""
        async with self.session.post(self.up.endpoints["keystone"] + "/v3/auth/tokens", json=credentials()) as response:
            headers = {"X-Auth-Token": response.headers["X-Subject-Token"]}
        async with self.session.get(
            self.up.endpoints["nova-api"] + "/v2.1/servers/detail", headers=headers
        ) as response:
            return list((await response.json())["servers"])


@asynccontextmanager
async def running_console(
    settings: Settings | None = None,
    *,
    amqp_url: str | None = None,
    jaeger: str | None = None,
    port: int = 0,
    heartbeats: Heartbeats = Heartbeats.RECORD,
    exporter: SpanExporter | None = None,
) -> AsyncIterator[Console]:
    settings, request_log = settings or Settings(pace=0), RequestLog()
    export = Export(exporter, keep=True, watching=request_log, heartbeats=heartbeats)
    async with (
        run_cloud(settings, export, computes=2, amqp_url=amqp_url) as up,
        console(up, settings, export, request_log, jaeger, port) as url,
        aiohttp.ClientSession() as session,
    ):
        yield Console(url, up, export, session)
    await asyncio.to_thread(export.close)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web_console() -> AsyncIterator[Console]:
    """A console for tests that change nothing."""
    async with running_console() as shared:
        yield shared


async def boot(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        field = page.locator(f"#boot-form [name={name}]")
        await (field.select_option(value) if name in {"image", "flavor", "network", "fault"} else field.fill(value))
    await page.get_by_role("button", name="Boot").click()


@needs_chromium
async def test_a_boot_is_shown_as_server_request_sequence_and_waterfall(browser: Browser) -> None:
    async with running_console() as web_console, a_page(browser) as page:
        await page.goto(web_console.url)
        await boot(page, name="web", flavor="m1.small")
        await expect(page.locator(".server")).to_have_attribute("data-status", "ACTIVE")
        await expect(page.locator(".server strong")).to_have_text("web")
        await expect(page.locator(".request .title")).to_have_text("openstack-client · openstack server create web")
        await expect(page.locator(".request .state")).to_have_text("✓")
        for step in "123456":
            await expect(page.locator("#sequence svg").get_by_text(step, exact=True)).to_be_visible()
        await page.get_by_role("tab", name="Waterfall").click()
        await expect(page.locator(".row .step")).to_have_text(list("123456"))
        await page.locator(".row", has_text="select_destinations").click()
        await expect(page.locator(".details")).to_contain_text("openstack.scheduler.host")
    [trace] = [trace for trace in trees(web_console.spans) if trace.roots[0].service != "nova-compute"]
    assert trace == REFERENCE


@needs_chromium
async def test_a_fault_chosen_on_the_page_breaks_the_boot(browser: Browser) -> None:
    async with running_console() as web_console, a_page(browser) as page:
        await page.goto(web_console.url)
        await boot(page, fault="neutron.no_free_ip", count="2")
        await expect(page.locator(".server[data-status=ERROR]")).to_have_count(2)
        await expect(page.locator(".request.failed .fault")).to_have_text(["⚑ neutron.no_free_ip"] * 2)
        await expect(page.locator("#sequence svg")).to_contain_text("409")


@needs_chromium
async def test_a_boot_in_progress_is_drawn_up_to_the_present(browser: Browser) -> None:
    async with running_console() as web_console, a_page(browser) as page:
        await page.goto(web_console.url)
        await boot(page, fault="compute.hang")
        await expect(page.locator("#sequence svg")).to_contain_text("spawn")
        await expect(page.locator(".request.running .state")).to_have_text("●")
        await expect(page.locator(".server .status")).to_have_text("BUILD · spawning")
        await expect(page.locator(".queue.busy .unacknowledged")).to_have_text(["1"])
        await page.get_by_role("tab", name="Waterfall").click()
        await expect(page.locator(".row.open", has_text="spawn")).to_be_visible()
        await page.get_by_role("button", name="delete demo").click()  # which ends what hangs
        await expect(page.locator(".server")).to_have_count(0)


@needs_chromium
async def test_a_server_is_deleted_from_the_page(browser: Browser) -> None:
    async with running_console() as web_console, a_page(browser) as page:
        await page.goto(web_console.url)
        await boot(page)
        await expect(page.locator(".server")).to_have_attribute("data-status", "ACTIVE")
        await page.get_by_role("button", name="delete demo").click()
        await expect(page.locator(".server")).to_have_count(0)
        await expect(page.locator(".request .title").first).to_contain_text("openstack server delete")
        assert await web_console.servers() == []


@needs_chromium
async def test_names_are_escaped_and_reports_of_hosts_are_hidden(browser: Browser) -> None:
    name = "<img src=x onerror=alert(1)>"
    jaeger = "http://127.0.0.1:16686/base/"
    async with running_console(jaeger=jaeger) as web_console, a_page(browser, width=390) as page:
        await page.goto(web_console.url)
        await boot(page, name=name)
        await expect(page.locator(".server strong")).to_have_text(name)
        assert await page.locator("img").count() == 0
        assert await page.locator(".request", has_text="scheduler_fanout").count() == 0
        await page.get_by_label("show capacity reports of hosts").check()
        reports = page.locator(".request", has_text="publish scheduler_fanout")
        await expect(reports).to_have_count(2)
        await expect(reports.first).to_contain_text("3 spans")
        link = await page.get_by_role("link", name="Open in Jaeger").get_attribute("href")
        assert re.fullmatch(rf"{jaeger}trace/[0-9a-f]{{32}}\?uiFind=openstack\.boot\.step", link or "")
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        await reports.first.click()
        await expect(page.locator("#sequence svg")).to_contain_text("update_service_capabilities")
        await expect(page.get_by_role("link", name="Open in Jaeger")).to_have_count(0)
        await expect(page.locator("#links")).to_contain_text("not exported: see --trace-heartbeats")
    assert [span.name for span in web_console.export.kept if "scheduler_fanout" in span.name] == []


@needs_chromium
async def test_a_trace_can_be_saved_as_a_file(browser: Browser, tmp_path: Path) -> None:
    async with running_console() as web_console, a_page(browser) as page:
        await page.goto(web_console.url)
        await boot(page)
        await expect(page.locator(".request .state")).to_have_text("✓")
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Save as HTML").click()
        await (await coming.value).save_as(tmp_path / "trace.html")
        await page.goto((tmp_path / "trace.html").as_uri())
        await expect(page.locator(".row .step")).to_have_text(list("123456"))


@needs_chromium
async def test_an_open_page_works_after_the_emulator_restarts(browser: Browser) -> None:
    port = free_port()
    async with a_page(browser, expected="ERR_") as page:
        async with running_console(port=port) as web_console:
            await page.goto(web_console.url)
            await expect(page.locator("#connection")).to_have_text("live")
        await expect(page.locator("#connection")).to_have_text("the emulator does not answer")
        async with running_console(port=port) as web_console:
            await expect(page.locator("#connection")).to_have_text("live", timeout=20_000)
            await boot(page)
            await expect(page.locator(".server")).to_have_attribute("data-status", "ACTIVE")


@needs_chromium
async def test_a_refused_boot_shows_the_reason_beside_the_button(browser: Browser) -> None:
    async with running_console() as web_console, a_page(browser, expected="status of 400") as page:
        await page.goto(web_console.url)
        await page.evaluate("document.querySelector('#boot-form [name=count]').removeAttribute('max')")
        async with page.expect_response("**/boots") as answered:
            await boot(page, count="51")
        assert (await answered.value).status == 400
        await expect(page.get_by_role("alert")).to_contain_text("Invalid input for field count")


FORGED = {
    "no token": {"X-Console-Token": ""},
    "a guessed token": {"X-Console-Token": "x" * 43},
    "another origin": {"Origin": "http://evil.example"},
    "no origin at all, of a sandboxed page": {"Origin": "null"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
    "a host name that an attacker points here": {"Host": "evil.example"},
    "no host": {"Host": ""},
    "an origin that is no URL": {"Origin": "http://["},
    "a form": {"Content-Type": "text/plain"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
async def test_no_other_site_can_boot_anything(web_console: Console, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/json", "X-Console-Token": await web_console.token(), **headers}
    status, answer = await web_console.ask("POST", "boots", sent, data=b"{}")
    assert (status, list(answer)) == (403, ["error"])
    status, _ = await web_console.ask("DELETE", "servers/8e8798ca-0000-0000-0000-000000000000", sent, data=b"{}")
    assert status == 403
    assert await web_console.servers() == []


@pytest.mark.parametrize("path", ["", "events", "requests/x/sequence.svg"])
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_no_other_site_can_read_anything(web_console: Console, path: str, headers: dict[str, str]) -> None:
    status, answer = await web_console.ask("GET", path, headers)
    assert (status, list(answer)) == (403, ["error"])


@pytest.mark.parametrize("path", ["", "events"])
async def test_other_sites_may_link_to_it_but_not_embed_it(web_console: Console, path: str) -> None:
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with web_console.session.get(web_console.url + path, headers=opened) as response:
        assert (response.status, response.headers["X-Frame-Options"]) == (200, "DENY")


BAD_FORMS: dict[str, dict[str, Any]] = {
    "count": {"count": 0},
    "name": {"name": ""},
    "name ": {"name": "a\nb"},
    "image": {"image": 7},
    "fault": {"fault": "no.such_fault"},
    "flavour": {"flavour": "m1.tiny"},
}


@pytest.mark.parametrize("field", BAD_FORMS)
async def test_an_invalid_form_is_refused_with_its_fields_name(web_console: Console, field: str) -> None:
    headers = {"X-Console-Token": await web_console.token()}
    status, answer = await web_console.ask("POST", "boots", headers, json=BAD_FORMS[field])
    assert status == 400
    assert field.strip() in answer["error"]


async def test_too_many_boots_at_once_are_refused() -> None:
    async with running_console(Settings(pace=1)) as web_console:
        headers = {"X-Console-Token": await web_console.token()}
        assert (await web_console.ask("POST", "boots", headers, json={"count": 50}))[0] == 202
        status, answer = await web_console.ask("POST", "boots", headers, json={"count": 50})
        assert status == 429
        assert "servers are booting; 50 more would exceed the limit of 50: try again in a moment" in answer["error"]


async def test_without_fault_injection_no_fault_is_accepted() -> None:
    async with running_console(Settings(pace=0, faults=False)) as web_console:
        headers = {"X-Console-Token": await web_console.token()}
        assert (await web_console.ask("POST", "boots", headers, json={"fault": "keystone.slow"}))[0] == 400


async def test_polling_leaves_no_spans() -> None:
    async with running_console() as web_console:
        assert (await web_console.ask("POST", "boots", {"X-Console-Token": await web_console.token()}, json={}))[
            0
        ] == 202
        await web_console.first_event(
            "servers", lambda data: [server["status"] for server in data[0]["servers"]] == ["ACTIVE"]
        )
    agents = {str(span.attributes.get("user_agent.original", "")).partition("/")[0] for span in web_console.spans}
    assert agents == {"", "openstack-client", "nova-compute"}


async def test_queue_depths_are_shown_with_rabbitmq(rabbitmq: str) -> None:
    async with running_console(amqp_url=rabbitmq) as web_console:
        [queues] = await web_console.first_event("queues", lambda data: bool(data[0]))
    names = ["api", "dead_letters", "scheduler", "compute.compute-1", "compute.compute-2"]  # as their services start
    assert [(depth["queue"], depth["ready"], depth["unacknowledged"]) for depth in queues] == [
        (name, 0, None) for name in names
    ]


async def test_a_boot_by_another_process_is_named_by_its_api_call() -> None:
    async with running_console() as web_console:
        booted = await run("boot", "--pace", "0", "--keystone-url", web_console.up.endpoints["keystone"])
        assert booted.status == 0, booted.err
        requests = await web_console.first_event("requests")
    [request] = [request for request in requests if not request["background"]]
    assert (request["service"], request["title"], request["running"]) == ("nova-api", "POST /v2.1/servers", False)


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        (["keystone GET /v3", "keystone POST /v3/auth/tokens"], "keystone POST /v3/auth/tokens"),
        (
            [
                "keystone GET /v3",
                "glance-api GET /v2/images",
                "glance-api GET /v2/images/{id}",
                "keystone GET /v3",
            ],
            "glance-api GET /v2/images/{id}",
        ),
    ],
)
async def test_another_clients_request_is_named_by_its_last_call(asked: list[str], title: str) -> None:
    request_log = RequestLog()
    for number, (service, name) in enumerate(each.split(" ", 1) for each in asked):
        provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
        provider.add_span_processor(request_log)
        client = NonRecordingSpan(SpanContext(1, number + 1, is_remote=True, trace_flags=TraceFlags(1)))
        tracer = provider.get_tracer("test")
        attributes = {"openstack.request.id": "req-1"}
        with tracer.start_as_current_span(name, set_span_in_context(client), SpanKind.SERVER, attributes):
            tracer.start_span("work", attributes=attributes).end()
    [summary] = [request.summary() for request in request_log]
    assert f"{summary['service']} {summary['title']}" == title


def log_request(request_log: RequestLog, number: int, kind: SpanKind = SpanKind.CLIENT, method: str = "POST") -> None:
    """Log a request of one span."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(request_log)
    attributes = {"openstack.request.id": f"req-{number}", "http.request.method": method}
    provider.get_tracer("test").start_span("work", kind=kind, attributes=attributes).end()


async def test_the_least_important_finished_request_is_evicted_first() -> None:
    request_log, evicted = RequestLog(idle_seconds=0), list[str]()
    request_log.on_evict = lambda request: evicted.append(request.id)
    others = {50: (SpanKind.PRODUCER, ""), 60: (SpanKind.SERVER, "GET"), 70: (SpanKind.SERVER, "POST")}
    for number in range(MOST_REQUESTS):
        log_request(request_log, number, *others.get(number, (SpanKind.CLIENT, "GET")))
    for number in range(MOST_REQUESTS, MOST_REQUESTS + 4):
        log_request(request_log, number)
    assert evicted == ["req-50", "req-60", "req-0", "req-1"]
    assert len(list(request_log)) == MOST_REQUESTS


async def test_requests_in_progress_are_not_evicted() -> None:
    request_log = RequestLog()
    for number in range(MOST_REQUESTS + 20):
        log_request(request_log, number)
    assert [request.id for request in request_log] == [f"req-{number}" for number in range(MOST_REQUESTS + 20)]


async def test_a_page_that_does_not_read_is_disconnected() -> None:
    event_stream = EventStream(lambda topic: topic[1])
    events = event_stream.events([("requests", "first")])
    assert await anext(events) == b'event: requests\ndata: ["first"]\n\n'
    for number in range(10_000):
        event_stream.publish("requests", str(number))
    assert sum(len(subscriber.pending) for subscriber in event_stream.subscribers) < 10_000
    assert [event async for event in events] == []


async def test_up_serves_the_console_and_stops_while_a_page_is_open(otlp: OtlpReceiver) -> None:
    async with started("up", "--port-base", "0", "--pace", "0", "--otlp", otlp.endpoint) as up:
        url = (await up.until("open the console: ")).split()[-1]
        async with aiohttp.ClientSession() as session, session.get(f"{url}events") as response:
            assert (await response.content.readline()).startswith(b"event: ")
            ended = await up.stop()
            await response.content.read()
    assert (ended.status, ended.err.splitlines()[0]) == (0, "stopping: finishing work in progress")


@needs_chromium
async def test_the_page_says_how_many_spans_were_lost(browser: Browser) -> None:
    with saying(http("400 Bad Request")) as port:
        exporter = otlp_exporter(f"http://127.0.0.1:{port}")
        async with running_console(exporter=exporter) as web_console, a_page(browser) as page:
            await page.goto(web_console.url)
            await expect(page.locator(".queue").first).to_be_visible()
            await expect(page.locator("#lost")).to_be_empty()
            await boot(page)
            await expect(page.locator(".server .status")).to_have_text("ACTIVE")
            await asyncio.to_thread(web_console.export.flush)
            lost = web_console.export.delivery.lost
            assert lost > 20
            said = re.compile(r"[1-9]\d* of \d+ spans were lost: Failed to export spans batch code: 400")
            await expect(page.locator("#lost")).to_have_text(said)
            [event] = await web_console.first_event("spans")
            assert (event["lost"] >= lost, event["sent"]) == (True, 0)


@pytest.mark.parametrize(
    ("fault", "attribute"), [("", "openstack.boot.step"), ("glance.image_missing", "openstack.fault.name")]
)
async def test_a_request_links_to_its_interesting_span_in_jaeger(fault: str, attribute: str) -> None:
    async with running_console() as web_console:
        headers = {"X-Console-Token": await web_console.token()}
        assert (await web_console.ask("POST", "boots", headers, json={"fault": fault}))[0] == 202

        def ended(requests: list[Any]) -> list[Any]:
            return [each for each in requests if attribute in each["jaegerPage"] and not each["running"]]

        requests = await web_console.first_event("requests", lambda found: bool(ended(found)))
        [page] = {each["jaegerPage"] for each in ended(requests)}
        path, _, query = page.partition("?")
        assert query == f"uiFind={attribute}"
        [trace] = [trace for trace in trees(web_console.spans) if f"trace/{trace.trace_id}" == path]
        assert any(attribute in span.attributes for span in trace.spans)


async def test_no_console_leaves_the_console_out() -> None:
    async with started("up", "--port-base", "0", "--pace", "0", "--no-console") as up:
        await up.until("identity_api_version")
        ended = await up.stop()
    assert "console" not in ended.out
