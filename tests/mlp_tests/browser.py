"""A headless Chromium that remembers everything a page does."""

import contextlib
import os
import pathlib
import shutil

import axe_playwright_python
import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = pathlib.Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")


def executable():
    """The Chromium that `cargo xtask test` found, or the first on the path."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise RuntimeError(f"none of {', '.join(NAMES)} is on the path; set CHROMIUM")
    return found


class Browser:
    """Starts one Chromium; each page gets a context of its own."""

    def __init__(self):
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(executable_path=executable())
        except Exception:
            self._playwright.stop()
            raise

    def close(self):
        self._browser.close()
        self._playwright.stop()

    @contextlib.contextmanager
    def page(self, file, width=1280, scheme="light", script=True):
        """A file, open; `page.seen` lists its requests, console messages, errors and dialogs."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script
        )
        try:
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.seen = {"requests": [], "console": [], "errors": [], "dialogs": []}
            page.on("request", lambda request: page.seen["requests"].append(request.url))
            page.on("console", lambda message: page.seen["console"].append(message.text))
            page.on("pageerror", lambda error: page.seen["errors"].append(str(error)))

            def dismiss(dialog):
                page.seen["dialogs"].append(dialog.message)
                dialog.dismiss()

            page.on("dialog", dismiss)
            page.goto(pathlib.Path(file).as_uri())
            yield page
        finally:
            context.close()


def open_all(page):
    """Opens every `<details>`, so that nothing is left out of a check."""
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")


def violations(page, tags):
    """What axe-core has against the page, one line a rule."""
    page.evaluate(AXE)
    result = page.evaluate("tags => axe.run({ runOnly: { type: 'tag', values: tags } })", tags)
    checked = sum(len(rule["nodes"]) for rule in result["passes"])
    if not checked:
        raise RuntimeError("axe-core checked nothing")
    return [
        f"{rule['id']}: {rule['help']}: " + "; ".join(node["html"][:120] for node in rule["nodes"][:3])
        for rule in result["violations"]
    ]


ACCESSIBLE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE = 360


class PagesCase:
    """Tests of pages, in one browser."""

    @pytest.fixture(autouse=True)
    def _in_the_browser(self, browser, subtests):
        self.browser, self._subtests = browser, subtests

    @contextlib.contextmanager
    def open(self, file, **options):
        """A page, open, as a test of its own."""
        with self._subtests.test(page=file.stem, **options), self.browser.page(file, **options) as page:
            yield page

    def loads_nothing_else(self, page):
        """Everything opened, the page has asked for itself only, and nothing was said on its console."""
        open_all(page)
        page.wait_for_load_state("networkidle")
        assert [page.url] == page.seen["requests"]
        assert page.seen["console"] + page.seen["errors"] + page.seen["dialogs"] == []
