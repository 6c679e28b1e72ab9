"""The golden pages of drift in a real browser.

`cargo xtask test` runs these where it finds a Chromium. The pages are those of `tests/golden/drift`, which
`shared/operations/tests/drift.rs` writes: a stack with one of everything, a stack in sync, and the fleet of both.
"""

import json

from mlp_tests.browser import ACCESSIBLE, PHONE, PagesCase, open_all, violations
from mlp_tests.paths import GOLDEN

FOLDER = GOLDEN / "drift"
PAGES = sorted(FOLDER.rglob("*.html"))
STACK = FOLDER / "stacks/the-stack.html"
FLEET = FOLDER / "index.html"
CALM = FOLDER / "stacks/calm-stack.html"


class TestDrift(PagesCase):
    def test_a_page_loads_nothing_but_itself_and_its_console_stays_empty(self):
        assert len(PAGES) == 3
        for file in PAGES:
            with self.open(file) as page:
                self.loads_nothing_else(page)

    def test_axe_core_finds_nothing(self):
        looks = [
            (file, scheme, width)
            for file in PAGES
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", PHONE))
        ]
        for file, scheme, width in looks:
            with self.open(file, scheme=scheme, width=width) as page:
                open_all(page)
                assert violations(page, ACCESSIBLE) == []

    def test_the_worst_stands_first_with_both_values_and_what_to_do(self):
        with self.browser.page(STACK) as page:
            rows = page.locator("#findings tbody tr")
            report = json.loads((FOLDER / "stacks/the-stack.json").read_text(encoding="utf-8"))
            told = [f for f in report["findings"] if f["kind"] != "not-checkable"]
            assert len(told) == rows.count()
            badges = [row.locator(".badge").first.inner_text() for row in rows.all()]
            order = ["high", "medium", "low", "info"]
            assert sorted(badges, key=order.index) == badges
            log = rows.filter(has_text="SecurityLogGroup /RetentionInDays")
            assert log.locator("dd").all_inner_texts() == ["365", "1"]
            assert "detach-role-policy" in rows.filter(has_text="CodebuildRole").inner_text()
            assert "agreed with security" in page.locator("#ignored").inner_text()
            assert '"drift": "revert"' in page.locator("#remediation pre").inner_text()
        with self.browser.page(CALM) as page:
            assert "Everything that can be checked matches the template." in page.locator("#findings").inner_text()
            assert page.locator("#remediation").count() == 0

    def test_the_fleet_leads_to_its_stacks_and_shows_its_history(self):
        with self.browser.page(FLEET) as page:
            first = page.locator("#stacks tbody tr").first
            assert "drifted" in first.inner_text()
            assert page.locator("svg.trend .drifted-bar").count() == 2
            assert "expired on 2020-01-01" in page.locator("#ignore").inner_text()
            first.locator("a").click()
            page.wait_for_url("**/stacks/the-stack.html")
            assert page.locator("#findings").count() == 1

    def test_a_phone_scrolls_down_only(self):
        for file in PAGES:
            with self.open(file, width=PHONE) as page:
                open_all(page)
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE

    def test_nothing_needs_a_script(self):
        for file in PAGES:
            with self.open(file, script=False) as page:
                assert page.locator("h1").is_visible()
