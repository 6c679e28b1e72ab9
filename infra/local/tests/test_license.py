"""License Manager: what a checkout answers, and the switch that changes it."""

import re
import urllib.error

import pytest

from mlp_tests import local_suite


class TestLicenseManager(local_suite.Case):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite, cleanup):
        self.licenses = self.suite.client("license-manager")
        self.suite.control("license", {"mode": "grant"})
        cleanup(self.suite.control, "license", {"mode": "grant"})

    def checkout(self, **changes):
        return self.licenses.checkout_license(
            **{
                "ProductSKU": "sku",
                "CheckoutType": "PROVISIONAL",
                "KeyFingerprint": "aws:1:issuer-fingerprint",
                "Entitlements": [{"Name": "enterprise", "Unit": "Count", "Value": "1"}],
                "ClientToken": local_suite.unique(),
                **changes,
            }
        )

    def test_a_checkout_grants_what_was_asked_for(self):
        answer = self.checkout()
        assert answer["EntitlementsAllowed"] == [{"Name": "enterprise", "Unit": "Count", "Value": "1"}]
        assert answer["CheckoutType"] == "PROVISIONAL"
        assert answer["IssuedAt"] < answer["Expiration"]
        assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", answer["Expiration"])

    def test_the_client_token_makes_a_retry_the_same_checkout(self):
        first, again = self.checkout(ClientToken="one"), self.checkout(ClientToken="one")
        assert first["LicenseConsumptionToken"] == again["LicenseConsumptionToken"]

    def test_a_checkout_is_given_back_once(self):
        token = self.checkout()["LicenseConsumptionToken"]
        self.licenses.check_in_license(LicenseConsumptionToken=token)
        self.refused("ResourceNotFoundException", self.licenses.check_in_license, LicenseConsumptionToken=token)

    def test_every_mode_answers_its_error(self):
        for mode, code in (
            ("refuse", "NoEntitlementsAllowedException"),
            ("no-license", "ResourceNotFoundException"),
            ("self-issued", "ResourceNotFoundException"),
            ("elsewhere", "RedirectException"),
            ("denied", "AccessDeniedException"),
            ("unauthorized", "AuthorizationException"),
            ("throttle", "RateLimitExceededException"),
            ("down", "ServerInternalException"),
        ):
            self.suite.control("license", {"mode": mode})
            self.refused(code, self.checkout)

    def test_a_license_that_the_account_has_issued_itself_names_it(self):
        self.suite.control("license", {"mode": "self-issued"})
        self.refused("ResourceNotFoundException", self.checkout, Beneficiary="210987654321")
        assert self.checkout(Beneficiary=local_suite.ACCOUNT)["CheckoutType"] == "PROVISIONAL"

    def test_entitlements_can_be_granted_by_name(self):
        self.suite.control("license", {"mode": "grant", "entitlements": ["starter"], "seconds": 60})
        assert "enterprise" in self.refused("NoEntitlementsAllowedException", self.checkout)
        self.checkout(Entitlements=[{"Name": "starter", "Unit": "Count"}])
        assert [c["operation"] for c in self.suite.control("license")["calls"]] == ["CheckoutLicense"] * 2

    def test_a_request_that_does_not_fit_is_refused(self):
        self.refused("ValidationException", self.checkout, CheckoutType="SOMETIMES")
        self.refused("InvalidParameterValueException", self.checkout, Entitlements=[])

    def test_received_licenses_are_listed(self):
        received = self.licenses.list_received_licenses()["Licenses"]
        assert [x["Status"] for x in received] == ["AVAILABLE"]
        self.suite.control("license", {"mode": "no-license"})
        assert self.licenses.list_received_licenses()["Licenses"] == []

    def test_a_wrong_switch_is_refused(self):
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.suite.control("license", {"mode": "sometimes"})
        assert caught.value.code == 400
        caught.value.close()
