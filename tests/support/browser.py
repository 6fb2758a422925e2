"""A headless browser without network access, to see and use pages as a user does."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OWN_URL = re.compile(r"(file|data|blob):|http://127\.0\.0\.1[:/]")

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no Chromium at {CHROMIUM}")


def complaints_of(page: Page) -> list[str]:
    """Return a list that collects what a page must not do: console messages, errors, and requests to other hosts."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("request", lambda sent: None if OWN_URL.match(sent.url) else complaints.append(f"request: {sent.url}"))
    return complaints


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context()
        await context.new_page()  # keeps a renderer, else each page starts one: 1 s of processor time
        yield browser
        await browser.close()


@asynccontextmanager
async def a_page(
    browser: Browser, *, width: int = 1280, height: int = 800, dark: bool = False, expected: str = "nothing"
) -> AsyncIterator[Page]:
    """Open a page. Complaints other than the expected one fail the test at the end."""
    [context] = browser.contexts
    page = await context.new_page()
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme="dark" if dark else "light")
    complaints = complaints_of(page)
    yield page
    await page.close()
    assert [complaint for complaint in complaints if expected not in complaint] == []
