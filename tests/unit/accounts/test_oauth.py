"""Going to a provider and coming back: to the right one, and to no page but the app's."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.accounts.oauth import (
    Begun,
    Issuer,
    authorization_address,
    begun,
    check_answering,
    check_return,
    discovery_address,
    read_issuer,
)
from domain.errors import Invalid

ID = "https://id.example.org"
DOCUMENT = {"issuer": ID, "authorization_endpoint": f"{ID}/authorize", "token_endpoint": f"{ID}/token", "jwks_uri": f"{ID}/keys"}
ISSUER = Issuer(ID, f"{ID}/authorize", f"{ID}/token", f"{ID}/keys")
BACK = "https://app.example.org/signed-in"


def test_what_an_issuer_tells_about_itself_is_read():
    assert read_issuer(DOCUMENT, ID) == ISSUER
    assert read_issuer(DOCUMENT | {"authorization_response_iss_parameter_supported": True}, ID).names_itself
    assert discovery_address(f"{ID}/t/") == f"{ID}/t/.well-known/openid-configuration"


@pytest.mark.parametrize("document", [
    None, [], "x", {}, DOCUMENT | {"issuer": "https://evil.example"}, DOCUMENT | {"issuer": ID + "/"}, DOCUMENT | {"issuer": [ID]},
    DOCUMENT | {"token_endpoint": "http://id.example.org/token"}, DOCUMENT | {"jwks_uri": "file:///etc/passwd"},
    DOCUMENT | {"jwks_uri": None}, DOCUMENT | {"authorization_endpoint": "javascript:alert(1)"}, DOCUMENT | {"token_endpoint": 1},
    {name: value for name, value in DOCUMENT.items() if name != "jwks_uri"},
])  # fmt: skip
def test_an_issuer_speaks_for_itself_and_leads_nowhere_else(document):
    with pytest.raises(Invalid):
        read_issuer(document, ID)


def test_the_challenge_is_that_of_the_standard():
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert Begun("s", "n", verifier).challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_secrets_are_told_apart_and_the_verifier_stays_here():
    began = begun(b"s" * 32, b"n" * 32, b"v" * 32)
    assert base64.urlsafe_b64decode(began.verifier + "=") == b"v" * 32
    for where in (ISSUER, Issuer(ID, f"{ID}/authorize?tenant=a%20b", "", f"{ID}/keys")):
        address = authorization_address(where, began, client_id="a&b", callback="https://x/cb?c=1", scopes=["openid", "email"])
        asked = parse_qs(urlsplit(address).query)
        assert asked["state"] == [began.state]
        assert asked["nonce"] == [began.nonce]
        assert asked["code_challenge"] == [began.challenge]
        assert (asked["client_id"], asked["redirect_uri"], asked["scope"]) == (["a&b"], ["https://x/cb?c=1"], ["openid email"])
        assert began.verifier not in address
    assert asked["tenant"] == ["a b"]


def test_an_answer_of_another_issuer_is_refused():
    naming = Issuer(ID, "", "", "", names_itself=True)
    check_answering(ISSUER, {})
    check_answering(ISSUER, {"iss": ID})
    check_answering(naming, {"iss": ID})
    for issuer, answer in ((ISSUER, {"iss": "https://evil.example"}), (ISSUER, {"iss": ""}), (naming, {}), (naming, {"iss": ID + "/"})):
        with pytest.raises(Invalid):
            check_answering(issuer, answer)


@pytest.mark.parametrize("address", [
    "", "//evil.example", "https://app.example.org@evil.example", "javascript:alert(1)", "/\\evil.example", "https://evil.example",
    BACK + "/", BACK + "?x=1", BACK + "#x", BACK + "/../evil", "https://app.example.org/signed%2Din", "HTTPS" + BACK[5:], BACK + "\n",
    " " + BACK, BACK.replace("/signed", "//signed"), "https://app.example.org.evil.example/signed-in",
])  # fmt: skip
def test_people_are_sent_to_listed_pages_alone(address):
    check_return(BACK, [BACK])
    with pytest.raises(Invalid):
        check_return(address, [BACK])
