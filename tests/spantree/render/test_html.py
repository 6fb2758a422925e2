"""The waterfall as one HTML file, driven in a real browser."""

import json
import re
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from emulator.openstack_vocabulary import OPENSTACK
from spantree import Event, Link, Pending, Span, SpanTree
from spantree.render.html import html_document
from tests.support.browser import a_browser, a_page, needs_chromium
from tests.support.spans import TRACE, a_span, link_to

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = (
    "</script><script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "--><svg onload=document.title='pwned'>",
    "{{7*7}} ${document.title='pwned'} <!-- &lt;b&gt; ]]>",
    "\u202egnirts\u2028\u2029\x00\x1b[31m\ud800",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as launched:
        yield launched


Opened = Callable[..., AsyncIterator[Page]]


def saved(tmp_path: Path, *traces: SpanTree) -> str:
    file = tmp_path / "trace.html"
    file.write_text(html_document(traces, vocabulary=OPENSTACK), encoding="utf-8")
    return file.as_uri()


async def titles(page: Page) -> list[str]:
    return await page.locator(".row .title").all_inner_texts()


SHOP = SpanTree(
    [
        a_span(1, name="checkout", start=0, end=1_000_000_000),
        a_span(2, 1, name="publish orders", kind="producer", start=100_000_000, end=110_000_000),
        a_span(3, 2, "process orders", "stock", kind="consumer", start=400_000_000, end=900_000_000,
               links=(Link(TRACE, f"{2:016x}"),)),
        a_span(4, 3, "charge", "bank", start=500_000_000, end=800_000_000, failed=True, message="card declined",
               attributes={"error.type": "bank.Declined", "amount": 12},
               events=(Event("exception", 790_000_000, {"exception.message": "no", "exception.stacktrace": "a\nb"}),)),
    ]
)  # fmt: skip


async def test_a_boot_shows_all_its_spans_steps_and_services(
    browser: Browser, boot: Callable[[], Pending[SpanTree]], tmp_path: Path
) -> None:
    trace = await boot()
    async with a_page(browser, height=2000) as page:
        await page.goto(saved(tmp_path, trace))
        assert await page.locator(".row").count() == len(trace)
        assert await page.locator(".step").all_inner_texts() == list("123456")
        services = await page.locator(".row .service").all_inner_texts()
        assert services == [span.service for _, span in trace.walk()]
        assert trace.trace_id in await page.locator(".headline").inner_text()


async def test_a_failed_boot_shows_its_errors_and_where_the_fault_acted(
    browser: Browser, boot: Callable[..., Pending[SpanTree]], tmp_path: Path
) -> None:
    trace = await boot(fault="glance.image_missing")
    async with a_page(browser, height=2000) as page:
        await page.goto(saved(tmp_path, trace))
        assert await page.locator(".row.failed").count() == sum(span.failed for span in trace.spans)
        culprit = page.locator(".row", has=page.locator(".fault"))
        assert "glance-api" in await culprit.inner_text()


async def test_no_service_and_no_fault_is_cut_on_a_projector(
    browser: Browser, boot: Callable[..., Pending[SpanTree]], tmp_path: Path
) -> None:
    trace = await boot(fault="glance.image_missing")
    async with a_page(browser, width=1280, height=2000) as page:
        await page.goto(saved(tmp_path, trace))
        texts = page.locator(".row .service, .row .fault")
        assert await texts.count() > len(trace)
        cut = "all => all.filter(text => text.scrollWidth > text.clientWidth).map(text => text.textContent)"
        assert await texts.evaluate_all(cut) == []


@pytest.mark.parametrize(("width", "size"), [(1280, 13), (1440, 14), (1920, 16)])
async def test_a_larger_screen_has_larger_texts_and_rows(
    browser: Browser, tmp_path: Path, width: int, size: int
) -> None:
    async with a_page(browser, width=width) as page:
        await page.goto(saved(tmp_path, SHOP))
        rows = page.locator(".row")
        assert await rows.first.evaluate("row => getComputedStyle(row).fontSize") == f"{size}px"
        tops = await rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().top).sort((a, b) => a - b)")
        heights = set(await rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)"))
        assert {round(below - above) for above, below in pairwise(tops)} == heights, "rows neither overlap nor gape"
        assert min(heights) > 1.7 * size


async def test_folding_a_span_hides_what_is_below_it(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        await page.locator(".row", has_text="publish orders").locator(".fold").click()
        assert await titles(page) == ["checkout", "publish orders"]
        await expect(page.locator(".folded")).to_have_text("+2")
        await page.locator(".row", has_text="publish orders").locator(".fold").click()
        assert len(await titles(page)) == 4


async def test_a_click_shows_attributes_events_and_status(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        await page.locator(".row", has_text="charge").click()
        shown = await page.locator(".details").inner_text()
        for words in ("bank.Declined", "card declined", "amount", "12", "exception", "after 290 ms", "a\nb"):
            assert words in shown


async def test_hovering_shows_a_summary_of_the_span(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        await page.locator(".row", has_text="process orders").locator(".bar").hover()
        await expect(page.locator(".tooltip")).to_contain_text("500 ms, self time 200 ms, after 290 ms in the queue")
        await page.mouse.move(10, 10)
        await expect(page.locator(".tooltip")).to_be_hidden()


async def test_a_link_leads_to_its_span_even_in_another_trace(browser: Browser, tmp_path: Path) -> None:
    there = a_span(9, trace_id="b" * 32, name="nightly", links=link_to(SHOP.spans[2]))
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SpanTree([there]), SHOP))
        await page.get_by_label("trace", exact=True).select_option("b" * 32)
        await page.locator(".row", has_text="nightly").click()
        await page.get_by_role("button", name="→ stock · process orders").click()
        await expect(page.locator(".row[aria-selected=true] .title")).to_have_text("process orders")
        await expect(page.locator(".headline")).to_contain_text(TRACE)


async def test_time_in_a_queue_is_hatched_and_a_link_is_an_arrow(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        track = await page.locator(".ruler").bounding_box()
        [wait] = [await page.locator(".wait:visible").bounding_box()]
        assert track is not None
        assert wait is not None
        assert wait["x"] - track["x"] == pytest.approx(0.11 * track["width"], abs=2)
        assert wait["width"] == pytest.approx(0.29 * track["width"], abs=3)
        arrow = await page.locator(".arrows .curves").first.get_attribute("d")
        assert arrow is not None
        assert arrow.count("M") == 1


async def test_errors_are_red_in_the_overview(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        reds = await page.evaluate(
            """() => {
                const canvas = document.querySelector(".overview canvas");
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                const is = (place, ...colour) => colour.every((part, number) => data[place + number] === part);
                return data.filter((_, place) => place % 4 === 0 && is(place, 0xcf, 0x22, 0x2e)).length;
            }"""
        )
        assert reds > 100


async def test_selecting_a_span_scrolls_the_time_axis_to_it(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        await page.locator(".row", has_text="publish orders").click()
        for key in ("z", "e"):
            await page.keyboard.press(key)
        await expect(page.locator(".row[aria-selected=true] .bar")).to_be_visible()


async def test_the_critical_path_can_be_switched_off(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        assert await page.locator(".critical").count() == len(SHOP.critical_path())
        await page.get_by_role("button", name="Critical path").click()
        assert await page.locator(".critical").count() == 0


async def test_search_marks_its_matches_and_goes_to_them(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        await page.keyboard.press("x")
        await page.keyboard.press("/")
        await page.keyboard.type("amount=12")
        await expect(page.locator(".matches")).to_have_text("1")
        await page.keyboard.press("Enter")
        await expect(page.locator(".row[aria-selected=true] .title")).to_have_text("charge")
        assert await page.locator(".row.match").count() == 1
        await page.keyboard.press("Escape")
        await expect(page.locator(".matches")).to_have_text("")


async def test_dragging_zooms_and_does_not_select(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        box = await page.locator(".ruler").bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 60)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 62)
        await page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 62)
        await page.mouse.up()
        ticks = await page.locator(".tick").all_inner_texts()
        assert (ticks[0], ticks[-1]) == ("250 ms", "500 ms")
        assert await page.locator(".row[aria-selected=true]").count() == 0
        await page.get_by_role("button", name="Show all").click()
        assert (await page.locator(".tick").all_inner_texts())[-1] == "1.0 s"


async def test_the_keyboard_does_what_the_mouse_does(browser: Browser, tmp_path: Path) -> None:
    chosen = {
        "ArrowDown": "checkout",
        "ArrowRight": "publish orders",
        "End": "charge",
        "ArrowLeft": "process orders",
        "Home": "checkout",
        "e": "charge",
    }
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SHOP))
        for key, title in chosen.items():
            await page.keyboard.press(key)
            await expect(page.locator(".row[aria-selected=true] .title")).to_have_text(title)
        await page.keyboard.press("z")
        assert await page.get_by_role("button", name="Show all").is_visible()
        await page.keyboard.press("0")
        await page.keyboard.press("?")
        assert await page.locator("dialog").is_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await expect(page.locator(".details")).to_be_hidden()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_text_of_a_span_becomes_markup(browser: Browser, tmp_path: Path, text: str) -> None:
    span = a_span(
        1,
        name=text,
        service=text,
        failed=True,
        message=text,
        attributes={text: text, "openstack.boot.step": text, "error.type": text, "openstack.fault.name": text},
        events=(Event(text, 50, {text: [text]}),),
        links=(Link("c" * 32, "d" * 16, {text: text}),),
    )
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SpanTree([span]), SpanTree([a_span(1, trace_id="b" * 32, name=text)])))
        await page.locator(".row").click()
        await page.locator(".bar").hover()
        await page.keyboard.press("e")
        assert "pwned" not in (await page.title()).replace(text[:100], "")
        tags = await page.evaluate("[...document.querySelectorAll('img, main script, svg:not(.arrows)')].length")
        assert tags == 0
        if text.isprintable():
            assert text in await page.locator(".details dd").first.inner_text()


async def test_ten_thousand_spans_scroll_smoothly(browser: Browser, tmp_path: Path) -> None:
    spans = [
        a_span(number, number // 3, name=f"work {number}", start=number, end=30_000) for number in range(1, 10_001)
    ]
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SpanTree(spans)))
        scrolled = await page.evaluate(
            """async () => {
                const scroller = document.querySelector(".scroller");
                const frames = [];
                let [most, last] = [0, performance.now()];
                for (let frame = 0; frame < 30; frame += 1) {
                    scroller.scrollTop += 1000;
                    await new Promise(requestAnimationFrame);
                    const now = performance.now();
                    frames.push(now - last);
                    last = now;
                    most = Math.max(most, document.querySelectorAll(".row").length);
                }
                frames.sort((one, other) => one - other);
                return { quartile: frames[7], most, top: scroller.scrollTop };
            }"""
        )
        assert scrolled["top"] == 30_000
        assert scrolled["most"] < 100  # what is out of sight is not in the page
        assert scrolled["quartile"] < 50, "milliseconds a frame; 17 on an idle machine, and others may use this one"
        await page.keyboard.press("End")
        await expect(page.locator(".row[aria-selected=true]")).to_be_in_viewport()


async def test_a_narrow_screen_shows_everything_without_side_scrolling(browser: Browser, tmp_path: Path) -> None:
    async with a_page(browser, width=360, height=740) as page:
        await page.goto(saved(tmp_path, SHOP))
        await page.locator(".row", has_text="charge").click()
        assert await page.locator(".details").is_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_dark_mode_follows_the_system_and_the_button(browser: Browser, tmp_path: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    async with a_page(browser, dark=True) as page:
        await page.goto(saved(tmp_path, SHOP))
        dark = await page.evaluate(ground)
        await page.get_by_title("light or dark").click()
        assert (dark, await page.evaluate(ground)) == ("rgb(15, 19, 24)", "rgb(255, 255, 255)")


async def test_printing_has_every_row(browser: Browser, tmp_path: Path) -> None:
    spans = [a_span(number, min(number - 1, 1), name=f"work {number}") for number in range(1, 301)]
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SpanTree(spans)))
        assert await page.locator(".row").count() < 100
        await page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert await page.locator(".row").count() == 300
        await page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert await page.locator(".row").count() < 100


ODD: dict[str, list[Span]] = {
    "one span of no duration": [a_span(1, start=7, end=7)],
    "a span that ends before it starts": [a_span(1, start=90, end=10)],
    "a child that starts before its trace": [a_span(5, start=50), a_span(1, 5, start=10)],
    "an orphan": [a_span(2, 9)],
    "times beyond all calendars": [a_span(1, start=0, end=2**63)],
    "no names": [a_span(1, name="", service="")],
    "values that JSON has not": [
        a_span(1, attributes={"a": float("nan"), "b": float("inf"), "c": b"\xff", "d": 2**80})
    ],
}


@pytest.mark.parametrize("spans", ODD.values(), ids=ODD)
async def test_odd_traces_are_shown(browser: Browser, tmp_path: Path, spans: list[Span]) -> None:
    async with a_page(browser) as page:
        await page.goto(saved(tmp_path, SpanTree(spans)))
        assert await page.locator(".row").count() == len(spans)
        assert "NaN" not in await page.locator(".frame").inner_text()


async def test_the_file_loads_nothing() -> None:
    document = html_document([SHOP])
    assert not re.search(r"(src|href)=|@import|url\(|https?:", re.sub(r"http://www.w3.org/2000/svg", "", document))
    assert "default-src 'none'" in document
    assert json.loads(re.findall(r'id="traces">(.*?)</script>', document)[0])["traces"][0]["id"] == TRACE
