"""The golden review reports in a real browser.

`cargo xtask test` runs these where it finds a Chromium. The pages are those of `tests/golden/reports`, which
`shared/product/tests/report.rs` writes: every tier, both sources, the longest names, another partition, hostile texts.
"""

from mlp_tests.browser import ACCESSIBLE, PHONE, PagesCase, open_all, violations
from mlp_tests.paths import GOLDEN, ROOT

PAGES = sorted((GOLDEN / "reports").glob("*.html"))
HOSTILE = GOLDEN / "reports/hostile.html"
ENTERPRISE = next(page for page in PAGES if page.stem.endswith("codecommit-standalone-ssm"))
STARTER = next(page for page in PAGES if page.stem.endswith("customer-churn-ml-s3"))
PROFESSIONAL = next(page for page in PAGES if "fraud-detection" in page.stem)
DIAGRAM = (ROOT / "tests/browser/diagram.js").read_text(encoding="utf-8")


class TestReports(PagesCase):
    def rows(self, page):
        """The logical ids that the table of resources shows."""
        ids = page.locator("table.resources .id")
        return [text for text in ids.all_inner_texts() if text]

    def shown(self, page):
        return page.locator("table.resources .id:visible").count()

    def test_there_are_pages_of_every_tier(self):
        tiers = set()
        for file in PAGES:
            with self.open(file) as page:
                tiers.add(page.locator(".lead").inner_text().split(" · ")[1])
        assert {"Starter", "Professional", "Enterprise"} == tiers

    def test_a_page_loads_nothing_but_itself_and_its_console_stays_empty(self):
        for file in PAGES:
            with self.open(file) as page:
                self.loads_nothing_else(page)

    def test_the_policy_of_a_page_lets_its_style_in_and_no_other(self):
        for file in PAGES:
            with self.open(file) as page:
                light = page.evaluate("getComputedStyle(document.querySelector('.page-header')).backgroundColor")
                assert light == "rgb(20, 33, 58)"
                page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=x style=\"color: red\">x</p>')")
                assert page.evaluate("getComputedStyle(document.querySelector('#x')).color") != "rgb(255, 0, 0)"

    def test_axe_core_finds_nothing(self):
        # A look takes seconds. Pages of one tier have the same parts, and all have one style: every tier in one scheme, and
        # both pages that have every part in the other and on a phone.
        looks = [(page, "light", 1280) for page in (STARTER, PROFESSIONAL, ENTERPRISE)]
        looks += [(HOSTILE, "dark", 1280), (ENTERPRISE, "dark", PHONE), (HOSTILE, "light", PHONE)]
        for file, scheme, width in looks:
            with self.open(file, scheme=scheme, width=width) as page:
                open_all(page)
                assert violations(page, ACCESSIBLE) == []

    def test_dark_and_light_differ(self):
        color = "getComputedStyle(document.body).backgroundColor"
        with self.browser.page(ENTERPRISE) as light, self.browser.page(ENTERPRISE, scheme="dark") as dark:
            assert light.evaluate(color) != dark.evaluate(color)

    def test_a_phone_scrolls_down_only(self):
        for file in PAGES:
            with self.open(file, width=PHONE) as page:
                open_all(page)
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE

    def test_texts_of_the_diagram_stay_in_their_boxes_and_nothing_overlaps(self):
        for scheme in ("light", "dark"):
            for file in PAGES:
                with self.open(file, scheme=scheme) as page:
                    assert page.evaluate(DIAGRAM) == []

    def test_filters_work_with_the_keyboard(self):
        for file in PAGES:
            with self.open(file) as page:
                every = len(self.rows(page))
                assert every == self.shown(page)
                page.focus("#only-all")
                page.keyboard.press("ArrowRight")
                group = page.locator("table.resources tbody:visible")
                assert group.count() == 1
                assert 0 < self.shown(page) < every
                outline = page.evaluate(
                    "getComputedStyle(document.querySelector('.filters input:focus + label')).outlineStyle"
                )
                assert outline == "solid"
                page.keyboard.press("ArrowLeft")
                assert every == self.shown(page)
                page.keyboard.press("Tab")
                page.keyboard.press("Space")
                assert page.locator("tr.data").count() == self.shown(page)
                assert 0 < self.shown(page) < every

    def test_each_filter_shows_its_group(self):
        for file in PAGES:
            with self.open(file) as page:
                for button in page.locator(".filters label[for]:not([for=only-all], [for=only-data])").all():
                    name = button.get_attribute("for").removeprefix("only-")
                    button.click()
                    visible = page.locator("table.resources tbody:visible")
                    classes = [it.get_attribute("class").split()[:2] for it in visible.all()]
                    assert [["group", name]] == classes

    def test_a_reader_without_script_misses_nothing(self):
        for file in PAGES:
            with self.open(file, script=False) as page:
                assert page.locator("h1").is_visible()
                assert page.locator("svg.diagram").is_visible()
                page.locator("label[for=only-pipelines]").click()
                assert self.shown(page) == 2
                page.locator("#identity summary").click()
                assert page.locator("#identity details table").is_visible()

    def test_print_shows_everything(self):
        for file in PAGES:
            with self.open(file) as page:
                page.locator("label[for=only-pipelines]").click()
                page.emulate_media(media="print")
                assert len(self.rows(page)) == self.shown(page)
                assert page.locator("#identity details table").is_visible()
                assert not page.locator("nav.contents").is_visible()
                assert not page.locator(".filters").is_visible()

    def test_a_page_becomes_a_pdf(self):
        with self.browser.page(ENTERPRISE) as page:
            pdf = page.pdf(format="A4")
            assert pdf.startswith(b"%PDF-")
            assert pdf.count(b"/Type /Page\n") > 5

    def test_a_page_printed_from_the_dark_is_light(self):
        with self.browser.page(ENTERPRISE, scheme="dark") as page:
            page.emulate_media(media="print")
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            ink = page.evaluate("getComputedStyle(document.body).color")
            assert (background, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")

    def test_links_of_the_contents_lead_somewhere(self):
        for file in PAGES:
            with self.open(file) as page:
                for link in page.locator("a[href^='#']").all():
                    target = link.get_attribute("href")
                    assert page.locator(target).count() == 1, target

    def test_hostile_texts_are_shown_and_do_nothing(self):
        with self.browser.page(HOSTILE) as page:
            open_all(page)
            text = page.locator("body").inner_text()
            assert "<script>document.title='owned'</script><img src=x onerror=alert(1)>]]>[U+00AD]evil{{7*7}}" in text
            assert "</dd></dl><style>body{display:none}</style><svg onload=alert(1)>" in text
            assert "</p><script>alert(1)</script>" in text
            assert page.title() == "Review of hostile-dev-t1-eu-central-1-injection-ml"
            assert page.locator("script, img, [onload], [onerror]").count() == 0
            assert page.locator("style").count() == 1
            assert page.seen["dialogs"] + page.seen["console"] + page.seen["errors"] == []
            hidden = [
                c
                for c in page.content()
                if c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u00ad\u3164\u034f"
            ]
            assert hidden == []
