"""The golden pages of changes in a real browser.

`cargo xtask test` runs these where it finds a Chromium. The pages are those of `tests/golden/changes`, which
`shared/operations/tests/changes.rs` writes: everything at once, a quiet update, nothing, a refusal, drift,
a deletion, hostile texts.
"""

from mlp_tests.browser import ACCESSIBLE, PHONE, PagesCase, open_all, violations
from mlp_tests.paths import GOLDEN

FOLDER = GOLDEN / "changes"
PAGES = sorted(FOLDER.glob("*.html"))
EVERYTHING = FOLDER / "everything.html"
HOSTILE = FOLDER / "hostile.html"
QUIET = FOLDER / "quiet-update.html"


class TestChanges(PagesCase):
    def test_every_kind_of_page_is_there(self):
        assert len(PAGES) == 7

    def test_a_page_loads_nothing_but_itself_and_its_console_stays_empty(self):
        for file in PAGES:
            with self.open(file) as page:
                self.loads_nothing_else(page)

    def test_the_policy_of_a_page_lets_its_style_in_and_no_other(self):
        for file in PAGES:
            with self.open(file) as page:
                header = page.evaluate("getComputedStyle(document.querySelector('.page-header')).backgroundColor")
                assert header == "rgb(20, 33, 58)"
                page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=x style=\"color: red\">x</p>')")
                assert page.evaluate("getComputedStyle(document.querySelector('#x')).color") != "rgb(255, 0, 0)"

    def test_axe_core_finds_nothing(self):
        looks = [(page, "light", 1280) for page in PAGES]
        looks += [(EVERYTHING, "dark", 1280), (HOSTILE, "dark", PHONE), (EVERYTHING, "light", PHONE)]
        for file, scheme, width in looks:
            with self.open(file, scheme=scheme, width=width) as page:
                open_all(page)
                assert violations(page, ACCESSIBLE) == []

    def test_risks_stand_above_everything_else(self):
        with self.browser.page(EVERYTHING) as page:
            assert page.locator("main > section").first.get_attribute("id") == "risks"
            badges = page.locator("#risks .badge").all_inner_texts()
            assert badges[0] == "data is lost"
            rows = page.locator("table.changes tbody tr")
            risky = [("risk" in (row.get_attribute("class") or "")) for row in rows.all()]
            assert sorted(risky, reverse=True) == risky
            assert 0 < sum(risky) < len(risky)
        with self.browser.page(QUIET) as page:
            assert page.locator("#risks").count() == 0

    def test_a_page_without_changes_says_so(self):
        with self.browser.page(FOLDER / "nothing.html") as page:
            assert page.locator("#set .banner").inner_text() == "Nothing to review: nothing changes."
            assert page.locator("table").count() == 0
        with self.browser.page(FOLDER / "refused.html") as page:
            assert "CloudFormation could not create it" in page.locator("#set .banner.bad").inner_text()

    def test_a_long_value_opens_with_the_keyboard_and_needs_no_script(self):
        for script in (True, False):
            with self.open(EVERYTHING, script=script) as page:
                value = page.locator(".properties td details pre").first
                assert not value.is_visible()
                page.locator(".properties td summary").first.focus()
                page.keyboard.press("Enter")
                assert value.is_visible()
                assert '"widgets": [\n' in value.inner_text()

    def test_a_phone_scrolls_down_only(self):
        for file in PAGES:
            with self.open(file, width=PHONE) as page:
                open_all(page)
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE

    def test_dark_and_light_differ_and_print_is_light(self):
        color = "getComputedStyle(document.body).backgroundColor"
        with self.browser.page(EVERYTHING) as light, self.browser.page(EVERYTHING, scheme="dark") as dark:
            assert light.evaluate(color) != dark.evaluate(color)
            dark.emulate_media(media="print")
            assert dark.evaluate(color) == "rgb(255, 255, 255)"

    def test_print_shows_everything(self):
        with self.browser.page(EVERYTHING) as page:
            page.emulate_media(media="print")
            assert not page.locator("nav.contents").is_visible()
            for value in page.locator("#values details > *:not(summary)").all():
                assert value.is_visible()
            pdf = page.pdf(format="A4")
            assert pdf.startswith(b"%PDF-")

    def test_links_lead_somewhere(self):
        for file in PAGES:
            with self.open(file) as page:
                for link in page.locator("a[href^='#']").all():
                    target = link.get_attribute("href")
                    assert page.locator(target).count() == 1, target

    def test_a_link_of_the_table_leads_to_its_resource(self):
        for file in (EVERYTHING, HOSTILE):
            with self.open(file) as page:
                for link in page.locator("table.changes a.id").all():
                    heading = page.locator(f"{link.get_attribute('href')} h3 code")
                    assert link.inner_text() == heading.inner_text()

    def test_hostile_texts_are_shown_and_do_nothing(self):
        with self.browser.page(HOSTILE) as page:
            open_all(page)
            text = page.locator("body").inner_text()
            assert "<script>document.title='owned'</script><img src=x onerror=alert(1)>]]>[U+202E]evil{{7*7}}" in text
            assert "</code>`x`[U+001B][31m" in text
            assert "</pre></details>AKIA****************" in text
            assert page.title() == "Changes of </title></style><svg onload=alert(1)>"
            assert page.locator("script, img, svg, [onload], [onerror]").count() == 0
            assert page.locator("style").count() == 1
            assert page.seen["dialogs"] + page.seen["console"] + page.seen["errors"] == []
