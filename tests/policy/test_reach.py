"""Proof (a): no role of any product reaches the suite."""

import unittest

from iam.evaluator import FREE, Access, Context
from iam.products import Product, templates
from iam.proofs import reaches_suite
from iam.suite import Suite


def suites(**arguments):
    """A suite for every account and region of the golden products."""
    places = {Product(name).place for name in templates()}
    return {
        place: Suite(partition=place[0], region=place[1], account=place[2], **arguments) for place in sorted(places)
    }


def with_free_tags(access):
    """The role as it would be with tags of somebody's choice."""
    context = Context()
    context.values = {
        key: value for key, value in access.context.values.items() if not key.startswith("aws:principaltag/")
    }
    context.values["aws:principaltag/*"] = FREE
    return Access(f"{access.name} (any tags)", access.principal, access.identity, access.boundary, context)


class Reach(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suites = suites()

    def roles(self, *, bounded):
        for name in templates():
            suite = self.suites[Product(name).place]
            product = Product(name, suite if bounded else None)
            for role in product.roles.values():
                yield name, suite, role.access()

    def test_no_role_reaches_the_suite_within_the_suites_boundary(self):
        findings = [
            f"{name}: {it}"
            for name, suite, access in self.roles(bounded=True)
            for it in reaches_suite(access, suite)
        ]
        self.assertEqual(findings, [])

    def test_no_role_reaches_the_suite_whatever_tags_it_has(self):
        findings = [
            f"{name}: {it}"
            for name, suite, access in self.roles(bounded=True)
            for it in reaches_suite(with_free_tags(access), suite)
        ]
        self.assertEqual(findings, [])

    def test_no_role_reaches_the_bucket_without_a_boundary(self):
        findings = [
            f"{name}: {it}"
            for name, suite, access in self.roles(bounded=False)
            for it in reaches_suite(access, suite, only="s3")
        ]
        self.assertEqual(findings, [])


if __name__ == "__main__":
    unittest.main()
