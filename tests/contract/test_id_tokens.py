"""Signatures of a provider's tokens: by its published keys, and by nothing that the token brings along."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.outbound.pyjwt_id_tokens import PyjwtIdTokens
from ports.oauth import NotAnswered

CLAIMS = {"iss": "https://id.example.org", "sub": "s-1", "aud": "app-1", "exp": 1}
CLIENT, SECRET = "app-1", "a client secret of enough bytes for HS256"


@pytest.fixture(scope="module")
def own():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def other():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def curve():
    return ec.generate_private_key(ec.SECP256R1())


def public(key, **more):
    made = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return json.loads(made.to_jwk(key.public_key())) | {"use": "sig", "kid": "k1"} | more


def token(key, algorithm="RS256", **headers):
    return jwt.encode(CLAIMS, key, algorithm, {"kid": "k1"} | headers)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def refused(text, keys):
    with pytest.raises(NotAnswered):
        PyjwtIdTokens().signed(text, keys)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256"])
def test_a_token_of_the_provider_is_read(own, other, algorithm):
    read = PyjwtIdTokens().signed(token(own, algorithm), [public(other, kid="k0"), public(own)])
    assert (read.claims, read.algorithm) == (CLAIMS, algorithm)


def test_elliptic_keys_sign_too(curve, own):
    assert PyjwtIdTokens().signed(token(curve, "ES256"), [public(own), public(curve)]).algorithm == "ES256"


def test_a_token_without_a_key_id_is_tried_with_each(own, other):
    text = jwt.encode(CLAIMS, own, "RS256")
    assert PyjwtIdTokens().signed(text, [public(other), public(own)]).claims == CLAIMS


def test_unsigned_tokens_are_refused(own):
    keys = [public(own)]
    for name in ("none", "None", "NONE", ""):
        refused(f"{part({'alg': name, 'kid': 'k1'})}.{part(CLAIMS)}.", keys)
    head, body, _ = token(own).split(".")
    refused(f"{head}.{body}.", keys)
    refused(f"{head}.{body}", keys)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_what_everybody_knows_is_no_key(own):
    """HS256 with the client's id or secret, or with the published key itself as the shared secret."""
    for secret in (CLIENT, SECRET):
        refused(jwt.encode(CLAIMS, secret, "HS256", {"kid": "k1"}), [public(own)])
        shared = {"kty": "oct", "k": base64.urlsafe_b64encode(secret.encode()).decode(), "kid": "k1"}
        refused(jwt.encode(CLAIMS, secret, "HS256", {"kid": "k1"}), [shared])
    pem = own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(CLAIMS)}"
    made = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(made.sign(signing.encode(), pem)).decode().rstrip("=")
    refused(f"{signing}.{signature}", [public(own)])


def test_a_key_that_the_token_brings_is_not_used(own, other):
    refused(token(other, jwk=public(other)), [public(own)])
    refused(token(other, jku="https://evil.example/keys"), [public(own)])
    refused(token(other, kid="../../k1"), [public(own)])
    refused(token(own, crit=["exp"]), [public(own)])


@pytest.mark.parametrize("changed", [{"kid": "k2"}, {"use": "enc"}, {"alg": "PS256"}, {"kty": "oct"}, {"n": "AQAB"}, {"e": "AQ"}])
def test_a_key_for_something_else_verifies_nothing(own, changed):
    refused(token(own), [public(own, **changed)])


def test_a_key_of_another_curve_verifies_nothing(curve):
    refused(token(curve, "ES256"), [public(curve, crv="P-384")])


def test_weak_keys_verify_nothing():
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        text = token(weak)
    refused(text, [public(weak)])


@pytest.mark.parametrize("text", [
    "", ".", "..", "a.b.c", "\x00", "é", part("x") + "..", part([]) + "..", part({"alg": ["RS256"]}) + "..", part({"alg": {}}) + "..",
    "a" * 30_000, base64.urlsafe_b64encode(b"[" * 9_000).decode() + "..",
])  # fmt: skip
def test_what_is_no_token_is_refused(own, text):
    refused(text, [public(own)])


@pytest.mark.parametrize("keys", [
    [], [None], ["x"], [{}], [{"kty": []}], [{"kty": "RSA", "kid": "k1"}], [{"kty": "RSA", "kid": "k1", "n": 1, "e": None}],
])  # fmt: skip
def test_what_is_no_key_is_refused(own, keys):
    refused(token(own), keys)


def test_many_keys_do_not_hold_a_thread(own):
    began = time.monotonic()
    refused(jwt.encode(CLAIMS, own, "RS256"), [public(own, kid=str(each)) for each in range(10_000)])
    assert time.monotonic() - began < 2
