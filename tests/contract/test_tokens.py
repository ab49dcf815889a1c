"""The tokens port, on signed JWTs and on the quick ones of tests; what attackers do to JWTs comes after."""

import base64
import hmac
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.outbound.jwt_tokens import LONGEST, JwtTokens
from adapters.outbound.memory.clock import ToldClock
from adapters.outbound.memory.tokens import QuickTokens
from adapters.outbound.sealed_secrets import BrokenSeal, Seal
from adapters.outbound.system_clock import SystemClock
from domain.actor import Actor, account
from domain.errors import Unauthenticated

SEAL = Seal(b"a secret of the tests, long enough")
LIFETIMES = {"access": timedelta(minutes=15), "reset": timedelta(hours=1)}
ANN = account("01990000-0000-7000-8000-0000000000aa", "users", 7)


class MovedClock(ToldClock):
    """The present, until it is moved on: PyJWT asks the machine's clock by itself."""

    def __init__(self):
        super().__init__(SystemClock().now())


@pytest.fixture
def clock():
    return MovedClock()


@pytest.fixture
def memory(open_work):
    """The keys' database, where it is of no matter which one it is."""
    return open_work("sqlite:///:memory:")


@pytest.fixture(params=["jwt", "memory"])
def tokens(request, clock):
    if request.param == "memory":
        return QuickTokens(clock, lifetimes=LIFETIMES)
    return JwtTokens(request.getfixturevalue("memory"), SEAL, clock, lifetimes=LIFETIMES)


def signing(work):
    made = JwtTokens(work, SEAL, SystemClock(), lifetimes=LIFETIMES)
    made.prepare()
    return made


@pytest.fixture
def jwts(memory):
    return signing(memory)


@pytest.fixture
def impatient(monkeypatch):
    """Looks for new keys whenever it meets a kid that it does not know, not once a second at most."""
    monkeypatch.setattr("adapters.outbound.signing_keys._RELOAD_EVERY", 0.0)


def refused(tokens, token, purpose="access"):
    with pytest.raises(Unauthenticated) as refusal:
        tokens.read(token, purpose)
    return refusal.value.code


@pytest.mark.parametrize("actor", [ANN, account("01990000-0000-7000-8000-0000000000bb", "_admins", 1)])
def test_a_token_says_who_bears_it(tokens, actor):
    issued = tokens.issue(actor)
    assert tokens.read(issued.token) == actor
    assert tokens.read(issued.token) == actor  # also when it is known
    assert issued.expires_in == 900


def test_members_of_admins_are_admins_and_others_are_not(tokens):
    assert tokens.read(tokens.issue(account("a", "_admins")).token).kind == "admin"
    assert tokens.read(tokens.issue(Actor("admin", "a", "users", 1)).token).kind == "account"


def test_a_token_is_good_for_its_own_purpose_only(tokens):
    for said in LIFETIMES:
        token = tokens.issue(ANN, said).token
        for asked in LIFETIMES:
            if asked == said:
                assert tokens.read(token, asked) == ANN
            else:
                assert refused(tokens, token, asked) == "invalid_token"


def test_a_token_ends_also_where_it_is_known(tokens, clock):
    token = tokens.issue(ANN).token
    clock.advance(seconds=898)
    assert tokens.read(token) == ANN
    clock.advance(seconds=3)
    assert refused(tokens, token) == "token_expired"


@pytest.mark.parametrize("token", [
    "", ".", "..", "a.b.c", "....", "." * 10_000, "x" * 900_000, "é.é.é", "🔑", "null", "e30.e30.e30", "\ud800",
])  # fmt: skip
def test_what_is_no_token_is_refused(tokens, token):
    assert refused(tokens, token) == "invalid_token"


@pytest.mark.parametrize("at", [3, 60, -30, -5])
def test_a_changed_token_is_refused(tokens, at):
    token = tokens.issue(ANN).token
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at:][1:]
    assert refused(tokens, changed) == "invalid_token"


def test_no_two_tokens_are_alike_where_it_matters(jwts):
    assert jwts.issue(ANN).token != jwts.issue(ANN).token


# --- what is told to the world


def test_public_keys_verify_our_tokens_and_hold_nothing_private(jwts):
    keys = jwts.public_keys()
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    token = jwts.issue(ANN).token
    key = jwt.PyJWKSet.from_dict({"keys": list(keys)})[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="stillroom", issuer="stillroom")
    assert (claims["sub"], claims["collection"], claims["epoch"], claims["purpose"]) == (ANN.id, "users", 7, "access")
    assert claims["exp"] - claims["iat"] == 900


# --- keys in the database


def test_processes_share_the_keys(work):
    jwts = signing(work)
    other = JwtTokens(work, SEAL, SystemClock())
    assert other.read(jwts.issue(ANN).token) == ANN
    assert jwts.read(other.issue(ANN).token) == ANN
    assert len(other.public_keys()) == 1


def test_many_that_start_at_once_read_one_another(work, impatient):
    many = [JwtTokens(work, SEAL, SystemClock()) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: each.prepare(), many))
    for one in many:
        token = one.issue(ANN).token
        assert [each.read(token) for each in many] == [ANN] * 8


def test_a_key_that_another_process_made_is_found_and_those_before_stay_good(work, impatient):
    jwts = signing(work)
    before = jwts.issue(ANN).token
    private, kid = add_key(work)
    assert jwts.read(forged(private, kid)) == ANN
    assert jwts.read(before) == ANN
    assert len(jwts.public_keys()) == 2


def test_made_up_kids_make_nobody_look_again_and_again(memory, jwts):
    looks = []
    load = jwts._keys._load
    jwts._keys._load = lambda: looks.append(1) or load()
    for each in range(200):
        assert refused(jwts, forged(Ed25519PrivateKey.generate(), f"kid-{each}")) == "invalid_token"
    assert len(looks) <= 3


def test_private_keys_lie_sealed(memory, jwts):
    (row,) = memory.read(lambda stores: stores.keys.signing_keys())
    assert SEAL.open(row.sealed, about=row.kid) not in row.sealed
    assert "d" not in json.loads(row.public)
    with pytest.raises(BrokenSeal):
        SEAL.open(row.sealed, about="another kid")


def test_the_wrong_secret_is_told_at_the_start(memory, jwts):
    other = JwtTokens(memory, Seal(b"another secret of the tests, long enough"), SystemClock())
    with pytest.raises(BrokenSeal, match="secret key"):
        other.prepare()
    assert jwts.read(jwts.issue(ANN).token) == ANN


def test_a_key_that_somebody_wrote_into_the_table_signs_nothing(memory, jwts, impatient):
    private = Ed25519PrivateKey.generate()
    stranger = Seal(b"the stranger's own secret, long enough")
    add_key(memory, private, stranger)
    assert refused(jwts, forged(private, kid_of(private))) == "invalid_token"


# --- rotation


def kid_in(token):
    return jwt.get_unverified_header(token)["kid"]


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies(jwts):
    before = jwts.issue(ANN).token
    kid = jwts.rotate()
    assert kid_in(jwts.issue(ANN).token) == kid != kid_in(before)
    assert jwts.read(before) == ANN
    assert [each["kid"] for each in jwts.public_keys()] == [kid, kid_in(before)]


def test_another_process_signs_with_the_new_key_once_it_has_asked_anything(work):
    jwts, other = signing(work), JwtTokens(work, SEAL, SystemClock())
    other.issue(ANN)
    kid = jwts.rotate()
    assert kid_in(other.issue(ANN).token) == kid


def test_revoked_keys_verify_nothing_also_what_was_known(jwts):
    before = jwts.issue(ANN).token
    assert jwts.read(before) == ANN
    kid = jwts.rotate(revoke=True)
    assert refused(jwts, before) == "invalid_token"
    assert [each["kid"] for each in jwts.public_keys()] == [kid]


def test_a_key_goes_when_nothing_that_it_signed_is_good_any_more(memory, clock):
    jwts = JwtTokens(memory, SEAL, clock)
    jwts.prepare()
    first = jwts.public_keys()[0]["kid"]
    clock.advance(minutes=1)
    second = jwts.rotate()
    clock.advance(minutes=19)
    third = jwts.rotate()
    assert [each["kid"] for each in jwts.public_keys()] == [third, second, first]
    clock.advance(minutes=2)
    fourth = jwts.rotate()
    assert [each["kid"] for each in jwts.public_keys()] == [fourth, third, second]


def test_many_rotations_at_once_leave_every_token_good(work):
    many = [JwtTokens(work, SEAL, SystemClock()) for _ in range(4)]
    many[0].prepare()
    issued = [each.issue(ANN).token for each in many]
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda each: each.rotate(), many))
    assert len(set(made)) == 4
    assert [each.read(token) for each in many for token in issued] == [ANN] * 16


# --- what attackers do to JWTs


@pytest.fixture
def ours(memory, jwts):
    """The key that signs our tokens, for forgeries that are right but for one thing."""
    (row,) = memory.read(lambda stores: stores.keys.signing_keys())
    return Ed25519PrivateKey.from_private_bytes(SEAL.open(row.sealed, about=row.kid)), row.kid


def test_the_forgery_that_is_right_in_everything_is_good(jwts, ours):
    assert jwts.read(forged(*ours)) == ANN  # or the tests below show nothing


@pytest.mark.parametrize("alg", [
    "none", "None", "nOnE", "NONE", "", "HS256", "HS512", "RS256", "ES256", "eddsa", "Ed25519", None, 1, ["EdDSA"], {},
])  # fmt: skip
def test_no_other_algorithm_is_listened_to(jwts, ours, alg):
    header, payload, signature = forged(*ours).split(".")
    headers = {**json.loads(unpadded(header)), "alg": alg}
    for tail in (signature, ""):
        assert refused(jwts, f"{padded(headers)}.{payload}.{tail}") == "invalid_token"


def test_the_public_key_is_no_secret_of_an_hmac(jwts, ours):
    public = jwts.public_keys()[0]
    for secret in (public["x"].encode(), base64.urlsafe_b64decode(public["x"] + "="), json.dumps(public).encode()):
        text = f"{padded({'alg': 'HS256', 'kid': ours[1]})}.{padded(claims())}"
        tag = hmac.new(secret, text.encode(), "sha256").digest()
        assert refused(jwts, f"{text}.{base64.urlsafe_b64encode(tag).decode().rstrip('=')}") == "invalid_token"


@pytest.mark.parametrize("kid", ["../../dev/null", "' union select 1 --", "", "x" * 1_000, "\0", None, 7, ["a"], {"a": 1}])
def test_a_kid_names_one_of_our_keys_or_nothing(jwts, kid):
    assert refused(jwts, assembled({"alg": "EdDSA", "kid": kid}, claims(), Ed25519PrivateKey.generate())) == "invalid_token"


def test_keys_that_a_token_brings_along_are_not_looked_at(jwts, ours):
    stranger = Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(stranger.public_key().public_bytes_raw()).decode().rstrip("=")
    brought = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}, "jku": "http://127.0.0.1:1/keys", "x5u": "file:///etc/passwd"}
    assert refused(jwts, assembled({"alg": "EdDSA", "kid": ours[1], **brought}, claims(), stranger)) == "invalid_token"
    assert refused(jwts, assembled({"alg": "EdDSA", **brought}, claims(), stranger)) == "invalid_token"


def test_what_a_token_says_must_be_understood_says_nothing_here(jwts, ours):
    assert refused(jwts, assembled({"alg": "EdDSA", "kid": ours[1], "crit": ["exp"]}, claims(), ours[0])) == "invalid_token"


@pytest.mark.parametrize("changes, code", [
    ({"exp": 1}, "token_expired"),
    ({"exp": -1}, "token_expired"),
    ({"exp": "tomorrow"}, "invalid_token"),
    ({"exp": None}, "invalid_token"),
    ({"exp": math.inf}, "invalid_token"),
    ({"exp": math.nan}, "invalid_token"),
    ({"exp": True}, "token_expired"),
    ({"exp": [9e9]}, "invalid_token"),
    ({"nbf": 9_000_000_000}, "invalid_token"),
    ({"iat": 9_000_000_000}, "invalid_token"),
    ({"iat": "x"}, "invalid_token"),
    ({"iss": "another"}, "invalid_token"),
    ({"iss": None}, "invalid_token"),
    ({"aud": "another"}, "invalid_token"),
    ({"aud": None}, "invalid_token"),
    ({"sub": None}, "invalid_token"),
    ({"sub": 7}, "invalid_token"),
    ({"sub": ""}, "invalid_token"),
    ({"collection": None}, "invalid_token"),
    ({"collection": ["_admins"]}, "invalid_token"),
    ({"epoch": "7"}, "invalid_token"),
    ({"epoch": True}, "invalid_token"),
    ({"epoch": None}, "invalid_token"),
    ({"purpose": "reset"}, "invalid_token"),
    ({"purpose": None}, "invalid_token"),
])  # fmt: skip
def test_a_claim_that_is_missing_or_wrong_spoils_a_token(jwts, ours, changes, code):
    assert refused(jwts, forged(*ours, **changes)) == code


def test_a_token_that_leaves_a_claim_out_is_refused(jwts, ours):
    for name in claims():
        without = {key: value for key, value in claims().items() if key != name}
        spoiled = name not in ("iat", "nbf")
        token = assembled({"alg": "EdDSA", "kid": ours[1]}, without, ours[0])
        assert (refused(jwts, token) == "invalid_token") if spoiled else jwts.read(token) == ANN


@pytest.mark.parametrize("inner", ["[" * 1400, '{"a":' * 280, '"x"', "[]", "null", "1" * 1400, '{"alg":"EdDSA","kid":' + "[" * 1200])
def test_nonsense_in_header_or_payload_is_refused_and_costs_little(jwts, ours, inner):
    header, payload, signature = forged(*ours).split(".")
    text = base64.urlsafe_b64encode(inner.encode()).decode().rstrip("=")
    started = time.perf_counter()
    assert refused(jwts, f"{text}.{payload[:50]}.{signature[:20]}") == "invalid_token"
    assert refused(jwts, f"{header}.{text[:1900]}.{signature}"[: LONGEST]) == "invalid_token"
    assert time.perf_counter() - started < 1


def test_a_known_token_is_found_without_verifying_it_again(jwts, monkeypatch):
    token = jwts.issue(ANN).token
    jwts.read(token)
    monkeypatch.setattr(jwts, "_verify", lambda token: pytest.fail("verified twice"))
    assert jwts.read(token) == ANN


def test_what_is_kept_is_bounded_and_is_no_token(jwts, monkeypatch):
    monkeypatch.setattr("adapters.outbound.jwt_tokens._KEPT", 3)
    issued = [jwts.issue(ANN).token for _ in range(5)]
    for token in issued:
        jwts.read(token)
    assert len(jwts._verified._kept) == 3
    assert not any(token.encode() in key for key in jwts._verified._kept for token in issued)
    assert jwts.read(issued[0]) == ANN


# --- forging


def claims(**changes):
    now = int(time.time())
    said = {"sub": ANN.id, "collection": "users", "epoch": 7, "purpose": "access", "iss": "stillroom", "aud": "stillroom",
            "iat": now, "nbf": now, "exp": now + 900}  # fmt: skip
    return {**said, **changes}


def forged(private, kid, **changes):
    return assembled({"alg": "EdDSA", "typ": "JWT", "kid": kid}, claims(**changes), private)


def assembled(headers, said, private):
    """By hand, because libraries refuse to write what attackers write."""
    text = f"{padded(headers)}.{padded(said)}"
    return f"{text}.{base64.urlsafe_b64encode(private.sign(text.encode())).decode().rstrip('=')}"


def padded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def kid_of(private):
    from adapters.outbound.signing_keys import _key

    return _key(private).kid


def add_key(work, private=None, seal=SEAL):
    from ports.accounts import SigningKey

    private = private or Ed25519PrivateKey.generate()
    kid = kid_of(private)
    row = SigningKey(kid, seal.close(private.private_bytes_raw(), about=kid), "{}", "2999-01-01T00:00:00.000Z")
    work.run(lambda stores: stores.keys.add_signing_key(row))
    return private, kid
