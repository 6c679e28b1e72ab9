"""License Manager: what a checkout answers, and the switch that changes it."""

import suite


class LicenseManager(suite.Case):
    def setUp(self):
        self.licenses = suite.client("license-manager")
        suite.control("license", {"mode": "grant"})
        self.addCleanup(suite.control, "license", {"mode": "grant"})

    def checkout(self, **changes):
        return self.licenses.checkout_license(**{
            "ProductSKU": "sku", "CheckoutType": "PROVISIONAL", "KeyFingerprint": "aws:1:issuer-fingerprint",
            "Entitlements": [{"Name": "enterprise", "Unit": "Count", "Value": "1"}],
            "ClientToken": suite.unique(), **changes})

    def test_a_checkout_grants_what_was_asked_for(self):
        answer = self.checkout()
        self.assertEqual(answer["EntitlementsAllowed"], [{"Name": "enterprise", "Unit": "Count", "Value": "1"}])
        self.assertEqual(answer["CheckoutType"], "PROVISIONAL")
        self.assertLess(answer["IssuedAt"], answer["Expiration"])
        self.assertRegex(answer["Expiration"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_the_client_token_makes_a_retry_the_same_checkout(self):
        first, again = self.checkout(ClientToken="one"), self.checkout(ClientToken="one")
        self.assertEqual(first["LicenseConsumptionToken"], again["LicenseConsumptionToken"])

    def test_a_checkout_is_given_back_once(self):
        token = self.checkout()["LicenseConsumptionToken"]
        self.licenses.check_in_license(LicenseConsumptionToken=token)
        self.refused("ResourceNotFoundException", self.licenses.check_in_license, LicenseConsumptionToken=token)

    def test_every_mode_answers_its_error(self):
        for mode, code in (("refuse", "NoEntitlementsAllowedException"), ("no-license", "ResourceNotFoundException"),
                           ("self-issued", "ResourceNotFoundException"), ("elsewhere", "RedirectException"),
                           ("denied", "AccessDeniedException"), ("unauthorized", "AuthorizationException"),
                           ("throttle", "RateLimitExceededException"),
                           ("down", "ServerInternalException")):
            suite.control("license", {"mode": mode})
            self.refused(code, self.checkout)

    def test_a_license_that_the_account_has_issued_itself_names_it(self):
        suite.control("license", {"mode": "self-issued"})
        self.refused("ResourceNotFoundException", self.checkout, Beneficiary="210987654321")
        self.assertEqual(self.checkout(Beneficiary=suite.ACCOUNT)["CheckoutType"], "PROVISIONAL")

    def test_entitlements_can_be_granted_by_name(self):
        suite.control("license", {"mode": "grant", "entitlements": ["starter"], "seconds": 60})
        self.assertIn("enterprise", self.refused("NoEntitlementsAllowedException", self.checkout))
        self.checkout(Entitlements=[{"Name": "starter", "Unit": "Count"}])
        self.assertEqual([c["operation"] for c in suite.control("license")["calls"]], ["CheckoutLicense"] * 2)

    def test_a_request_that_does_not_fit_is_refused(self):
        self.refused("ValidationException", self.checkout, CheckoutType="SOMETIMES")
        self.refused("InvalidParameterValueException", self.checkout, Entitlements=[])

    def test_received_licenses_are_listed(self):
        received = self.licenses.list_received_licenses()["Licenses"]
        self.assertEqual([x["Status"] for x in received], ["AVAILABLE"])
        suite.control("license", {"mode": "no-license"})
        self.assertEqual(self.licenses.list_received_licenses()["Licenses"], [])

    def test_a_wrong_switch_is_refused(self):
        with self.assertRaises(suite.urllib.error.HTTPError) as caught:
            suite.control("license", {"mode": "sometimes"})
        self.assertEqual(caught.exception.code, 400)
        caught.exception.close()


if __name__ == "__main__":
    suite.unittest.main()
