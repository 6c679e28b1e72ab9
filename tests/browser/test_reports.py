"""The golden review reports in a real browser.

`cargo xtask test` runs these where it finds a Chromium. The pages are those of `tests/golden/reports`, which
`shared/product/tests/report.rs` writes: every tier, both sources, the longest names, another partition, hostile texts.
"""

import pathlib
import unittest

from browser import ACCESSIBLE, PHONE, PagesCase, open_all, violations

HERE = pathlib.Path(__file__).resolve().parent
PAGES = sorted((HERE.parent / "golden/reports").glob("*.html"))
HOSTILE = HERE.parent / "golden/reports/hostile.html"
ENTERPRISE = next(page for page in PAGES if page.stem.endswith("codecommit-standalone-ssm"))
STARTER = next(page for page in PAGES if page.stem.endswith("customer-churn-ml-s3"))
PROFESSIONAL = next(page for page in PAGES if "fraud-detection" in page.stem)
DIAGRAM = (HERE / "diagram.js").read_text(encoding="utf-8")


class Reports(PagesCase):
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
        self.assertEqual({"Starter", "Professional", "Enterprise"}, tiers)

    def test_a_page_loads_nothing_but_itself_and_its_console_stays_empty(self):
        for file in PAGES:
            with self.open(file) as page:
                self.loads_nothing_else(page)

    def test_the_policy_of_a_page_lets_its_style_in_and_no_other(self):
        for file in PAGES:
            with self.open(file) as page:
                light = page.evaluate("getComputedStyle(document.querySelector('.page-header')).backgroundColor")
                self.assertEqual("rgb(20, 33, 58)", light)
                page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=x style=\"color: red\">x</p>')")
                self.assertNotEqual("rgb(255, 0, 0)", page.evaluate("getComputedStyle(document.querySelector('#x')).color"))

    def test_axe_core_finds_nothing(self):
        # A look takes seconds. Pages of one tier have the same parts, and all have one style: every tier in one scheme, and
        # both pages that have every part in the other and on a phone.
        looks = [(page, "light", 1280) for page in (STARTER, PROFESSIONAL, ENTERPRISE)]
        looks += [(HOSTILE, "dark", 1280), (ENTERPRISE, "dark", PHONE), (HOSTILE, "light", PHONE)]
        for file, scheme, width in looks:
            with self.open(file, scheme=scheme, width=width) as page:
                open_all(page)
                self.assertEqual([], violations(page, ACCESSIBLE))

    def test_dark_and_light_differ(self):
        color = "getComputedStyle(document.body).backgroundColor"
        with self.browser.page(ENTERPRISE) as light, self.browser.page(ENTERPRISE, scheme="dark") as dark:
            self.assertNotEqual(light.evaluate(color), dark.evaluate(color))

    def test_a_phone_scrolls_down_only(self):
        for file in PAGES:
            with self.open(file, width=PHONE) as page:
                open_all(page)
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), PHONE)

    def test_texts_of_the_diagram_stay_in_their_boxes_and_nothing_overlaps(self):
        for scheme in ("light", "dark"):
            for file in PAGES:
                with self.open(file, scheme=scheme) as page:
                    self.assertEqual([], page.evaluate(DIAGRAM))

    def test_filters_work_with_the_keyboard(self):
        for file in PAGES:
            with self.open(file) as page:
                every = len(self.rows(page))
                self.assertEqual(every, self.shown(page))
                page.focus("#only-all")
                page.keyboard.press("ArrowRight")
                group = page.locator("table.resources tbody:visible")
                self.assertEqual(1, group.count())
                self.assertTrue(0 < self.shown(page) < every)
                outline = page.evaluate("getComputedStyle(document.querySelector('.filters input:focus + label')).outlineStyle")
                self.assertEqual("solid", outline)
                page.keyboard.press("ArrowLeft")
                self.assertEqual(every, self.shown(page))
                page.keyboard.press("Tab")
                page.keyboard.press("Space")
                self.assertEqual(page.locator("tr.data").count(), self.shown(page))
                self.assertTrue(0 < self.shown(page) < every)

    def test_each_filter_shows_its_group(self):
        for file in PAGES:
            with self.open(file) as page:
                for button in page.locator(".filters label[for]:not([for=only-all], [for=only-data])").all():
                    name = button.get_attribute("for").removeprefix("only-")
                    button.click()
                    visible = page.locator("table.resources tbody:visible")
                    classes = [it.get_attribute("class").split()[:2] for it in visible.all()]
                    self.assertEqual([["group", name]], classes)

    def test_a_reader_without_script_misses_nothing(self):
        for file in PAGES:
            with self.open(file, script=False) as page:
                self.assertTrue(page.locator("h1").is_visible())
                self.assertTrue(page.locator("svg.diagram").is_visible())
                page.locator("label[for=only-pipelines]").click()
                self.assertEqual(2, self.shown(page))
                page.locator("#identity summary").click()
                self.assertTrue(page.locator("#identity details table").is_visible())

    def test_print_shows_everything(self):
        for file in PAGES:
            with self.open(file) as page:
                page.locator("label[for=only-pipelines]").click()
                page.emulate_media(media="print")
                self.assertEqual(len(self.rows(page)), self.shown(page))
                self.assertTrue(page.locator("#identity details table").is_visible())
                self.assertFalse(page.locator("nav.contents").is_visible())
                self.assertFalse(page.locator(".filters").is_visible())

    def test_a_page_becomes_a_pdf(self):
        with self.browser.page(ENTERPRISE) as page:
            pdf = page.pdf(format="A4")
            self.assertTrue(pdf.startswith(b"%PDF-"))
            self.assertGreater(pdf.count(b"/Type /Page\n"), 5)

    def test_a_page_printed_from_the_dark_is_light(self):
        with self.browser.page(ENTERPRISE, scheme="dark") as page:
            page.emulate_media(media="print")
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            ink = page.evaluate("getComputedStyle(document.body).color")
            self.assertEqual(("rgb(255, 255, 255)", "rgb(0, 0, 0)"), (background, ink))

    def test_links_of_the_contents_lead_somewhere(self):
        for file in PAGES:
            with self.open(file) as page:
                for link in page.locator("a[href^='#']").all():
                    target = link.get_attribute("href")
                    self.assertEqual(1, page.locator(target).count(), target)

    def test_hostile_texts_are_shown_and_do_nothing(self):
        with self.browser.page(HOSTILE) as page:
            open_all(page)
            text = page.locator("body").inner_text()
            self.assertIn("<script>document.title='owned'</script><img src=x onerror=alert(1)>]]>[U+00AD]evil{{7*7}}", text)
            self.assertIn("</dd></dl><style>body{display:none}</style><svg onload=alert(1)>", text)
            self.assertIn("</p><script>alert(1)</script>", text)
            self.assertEqual("Review of hostile-dev-t1-eu-central-1-injection-ml", page.title())
            self.assertEqual(0, page.locator("script, img, [onload], [onerror]").count())
            self.assertEqual(1, page.locator("style").count())
            self.assertEqual([], page.seen["dialogs"] + page.seen["console"] + page.seen["errors"])
            hidden = [c for c in page.content() if c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u00ad\u3164\u034f"]
            self.assertEqual([], hidden)


if __name__ == "__main__":
    unittest.main()
