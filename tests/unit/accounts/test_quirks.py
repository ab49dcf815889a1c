"""Microsoft's tenants: which document is whose, and which token."""

import pytest

from domain.accounts.identities import SignedToken
from domain.accounts.oauth import is_tenant_of
from domain.accounts.quirks import is_microsoft, microsoft_issuer

HOME = "https://login.microsoftonline.com"
ONE, TWO = "5d2c1d9e-7a0b-4f5e-9a53-0d7a4b6a2f10", "9188040d-6c67-4c5b-b112-36a304b66dad"
ANY = f"{HOME}/{{tenantid}}/v2.0"


@pytest.mark.parametrize("asked, said, own", [
    ("common", "{tenantid}", True), ("organizations", "{tenantid}", True), ("consumers", TWO, True), (ONE, ONE, True),
    ("contoso.example", ONE, True), ("contoso.example", "{tenantid}", False), (ONE, TWO, False), (ONE, "{tenantid}", False),
    ("common", "evil", False),
])  # fmt: skip
def test_a_document_is_its_own_or_its_tenants(asked, said, own):
    assert is_microsoft(f"{HOME}/{asked}/v2.0", f"{HOME}/{said}/v2.0") is own


@pytest.mark.parametrize("said", [
    f"https://evil.example/{ONE}/v2.0", f"{HOME}/{ONE}/v1.0", f"{HOME}/{ONE}", f"{HOME}/{ONE}/v2.0/", None, 7, [ANY],
    f"{HOME}.evil.example/{{tenantid}}/v2.0",
])  # fmt: skip
def test_a_document_of_somebody_else_is_not(said):
    assert not is_microsoft(f"{HOME}/common/v2.0", said)


@pytest.mark.parametrize("said, own", [
    (f"{HOME}/{ONE}/v2.0", True), (ANY, False), (f"{HOME}/evil/v2.0", False), (f"{HOME}//v2.0", False), (f"{HOME}/v2.0", False),
    (f"{HOME}/{ONE}/x/v2.0", False), (f"https://evil.example/{ONE}/v2.0", False), ("", False),
])  # fmt: skip
def test_an_answer_is_named_by_a_tenant(said, own):
    assert is_tenant_of(ANY, said) is own


def test_any_other_issuer_is_itself_alone():
    assert is_tenant_of(HOME, HOME)
    assert not is_tenant_of(HOME, f"{HOME}/")


@pytest.mark.parametrize("tid, tenant, key, good", [
    (ONE, ONE, "", True), (ONE, ONE, ANY, True), (ONE, ONE, f"{HOME}/{ONE}/v2.0", True), (ONE, ONE, f"{HOME}/{TWO}/v2.0", False),
    (TWO, ONE, "", False), (None, ONE, "", False), ("evil", "evil", "", False), ([ONE], ONE, "", False),
])  # fmt: skip
def test_a_token_is_of_its_tenant_and_signed_for_it(tid, tenant, key, good):
    issuer = f"{HOME}/{tenant}/v2.0"
    assert microsoft_issuer(ANY, SignedToken({"tid": tid, "iss": issuer}, "RS256", key)) == (issuer if good else "")
