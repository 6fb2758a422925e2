"""A real browser, headless, that reaches nothing outside: pages as a user sees and drives them."""

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
OURS = re.compile(r"(file|data|blob):|http://127\.0\.0\.1[:/]")

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no Chromium at {CHROMIUM}")


def complaints_of(page: Page) -> list[str]:
    """What a page does from now on that it must not: messages in the console, errors, requests to elsewhere."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("request", lambda asked: None if OURS.match(asked.url) else complaints.append(f"request: {asked.url}"))
    return complaints


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def a_page(
    browser: Browser, *, width: int = 1280, height: int = 800, dark: bool = False, expected: str = "nothing"
) -> AsyncIterator[Page]:
    """A page in a context of its own. Afterwards, what it complained of, but for what is expected, fails the test."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = await context.new_page()
    complaints = complaints_of(page)
    yield page
    await context.close()
    assert [complaint for complaint in complaints if expected not in complaint] == []
