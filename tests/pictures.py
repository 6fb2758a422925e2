"""Draws the README's pictures again: `uv run python -m tests.pictures`. Needs Chromium."""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.support.browser import a_browser, a_page
from tests.support.processes import run, started

IMAGES = Path(__file__).parent.parent / ".github" / "images"


async def boot(*options: str, seed: str = "7") -> None:
    ended = await run("boot", "--seed", seed, "--quiet", *options)
    assert not ended.err, ended.err


async def draw_waterfall(browser: Browser, scratch: Path) -> None:
    await boot("--html", str(scratch / "boot.html"), "--svg", str(IMAGES / "sequence.svg"))
    async with a_page(browser, width=1240, height=700) as page:
        await page.goto((scratch / "boot.html").as_uri())
        await page.locator(".row", has_text="/v2.0/networks/").first.locator(".bar").hover()
        await page.screenshot(path=IMAGES / "waterfall.png")


async def draw_map(scratch: Path) -> None:
    """Draw the map of many boots that succeeded, and a few that failed."""
    files = [scratch / "well.json", scratch / "not.json"]
    await boot("--count", "40", "--otlp-json", str(files[0]))
    await boot("--count", "5", "--fault", "neutron.unavailable", "--otlp-json", str(files[1]), seed="8")
    both = scratch / "both.json"
    both.write_text("\n".join(file.read_text() for file in files))
    assert not (await run("show", str(both), "--map", str(IMAGES / "map.svg"))).err


async def draw_console(browser: Browser) -> None:
    async with started("up", "--port-base", "0") as up, a_page(browser, width=1240, height=800) as page:
        await page.goto((await up.until("open the console: ")).split()[-1])
        await page.get_by_role("button", name="Boot").click()
        await expect(page.locator(".server[data-status=ACTIVE]")).to_have_count(1)
        await page.locator("#boot-form [name=name]").fill("web")
        await page.locator("#boot-form [name=fault]").select_option("keystone.slow")
        await page.get_by_role("button", name="Boot").click()
        await expect(page.locator("#sequence svg")).to_contain_text("spawn")
        await expect(page.locator(".server .status").first).to_have_text("BUILD · spawning")
        await page.screenshot(path=IMAGES / "console.png", animations="disabled")


async def draw() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        async with a_browser() as browser:
            await draw_waterfall(browser, Path(scratch))
            await draw_console(browser)
        await draw_map(Path(scratch))


if __name__ == "__main__":
    asyncio.run(draw())
