"""Every use case that changes something asks before hooks and tells after hooks: none is forgotten, old or new."""

from contextlib import contextmanager
from dataclasses import fields
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from adapters.outbound.system_clock import SystemClock
from app import testing
from app.testing import ToldClock
from app.usecases.backend import Backend
from app.usecases.bulk import Chosen
from app.usecases.enrolment import NewFactor
from app.usecases.factor_proofs import Given
from domain.accounts.one_time import PASSWORD_RESET, SIGN_IN_LINK, VERIFICATION
from domain.errors import Forbidden
from domain.hooks.catalogue import CATALOGUE
from domain.records.batches import Operation
from domain.records.imports import Options, Row
from domain.webhooks.signatures import sign, write_secret
from stillroom import SYSTEM, Extension
from tests.authenticator import Authenticator
from tests.contract.test_oauth_sign_in import CHALLENGE, RETURN, VERIFIER
from tests.provider import CLIENT, SECRET, Person, serving
from tests.usecases.test_accounts import ANN, FACTS, PASSWORD, USERS, sign_up
from tests.usecases.test_factors import App, code, letters, token, who
from tests.usecases.test_proofs import NEW, NEW_PASSWORD

POSTS = {"name": "posts", "fields": [{"name": "title", "type": "text"}], "trash": {"days": 7}}
NUMBERS = count()
SHARED = write_secret(b"of 32 bytes, as the standard has")
SYSTEMS = {"actor": SYSTEM, "facts": FACTS}
MAILED = {**USERS, "api_keys": {"max": 3}, "mail": {"pages": {"link": "https://planes.example/in"}}}


# --- what each use case is asked for; `made` is what was there before

def imported(room, made):
    judged = room.imports.begin("posts", ["title"], Options(), actor=SYSTEM)
    room.imports.judge(judged, [Row(2, {"title": "x"})])
    room.imports.keep(judged)


def by_link(purpose, prove):
    def asked(room, made):
        room.proofs.ask(purpose, "users", ANN, facts=FACTS)
        prove(room, token(letters(room)[0]))

    return asked


def change_email(room, made):
    room.proofs.ask_email_change("users", NEW, PASSWORD, actor=made.actor, facts=FACTS)
    room.proofs.change_email("users", token(letters(room)[0]), facts=FACTS)


def by_code(room, made):
    ticket, typed = code(room)
    room.proofs.sign_in_by_code("users", ticket, typed, facts=FACTS)


def passkey(room, made):
    device = Authenticator("https://planes.example", "planes.example")
    asked = room.passkeys.propose("users", actor=made.actor)
    return device, room.passkeys.register("users", asked.ticket, "phone", device.create(asked.options), actor=made.actor)[0]


def enrolled(room, made):
    room.collections.change("users", {"rules": {"second_factor": ""}}, actor=SYSTEM)
    asked = room.accounts.sign_in("users", ANN, PASSWORD, facts=FACTS)
    proposal = room.enrolment.propose_app("users", asked.ticket, facts=FACTS)
    present = pyotp.TOTP(proposal.secret).at(room.clock.now())
    room.enrolment.confirm("users", asked.ticket, NewFactor(code=present), facts=FACTS)


def renamed_passkey(room, made):
    room.passkeys.rename("users", passkey(room, made)[1].id, "work phone", actor=made.actor)


def scheduled(room, made):
    if "note" not in room.jobs.tasks:
        room.jobs.register("note", lambda: None)
    return room.schedules.put("s", {"job": "note", "every": "1 day"}, actor=SYSTEM)


def hooked(room, made):
    body = {"url": "http://127.0.0.1:9/", "as": "admin", "subscriptions": [{"collection": "posts"}]}
    return room.webhooks.create(body, actor=SYSTEM)["id"]


def of_webhook(name, *given):
    return lambda room, made: getattr(room.webhooks, name)(hooked(room, made), *given, actor=SYSTEM)


def replayed(room, made):
    id = hooked(room, made)
    room.webhooks.replay(id, room.webhooks.test(id, actor=SYSTEM), actor=SYSTEM)


def sourced(room, made):
    return room.inbound.put("shop", {"scheme": "standard", "secret": SHARED}, actor=SYSTEM)


def received(room, made):
    sourced(room, made)
    body, now = b'{"type": "paid"}', int(room.clock.now().timestamp())
    message = f"m{next(NUMBERS)}"
    headers = {"webhook-id": message, "webhook-timestamp": str(now), "webhook-signature": sign([SHARED], message, now, body)}
    room.inbound.receive("shop", headers, body, lambda: {"type": "paid"}, facts=FACTS)


def removed_passkey(room, made):
    room.passkeys.remove("users", passkey(room, made)[1].id, actor=made.actor)


def confirmed(room, made):
    app = App(room, made.signed)
    asked = room.accounts.sign_in("users", ANN, PASSWORD, facts=FACTS)
    room.second_factors.confirm("users", asked.ticket, Given(code=app.next()), facts=FACTS)


def first_admin(room):
    if room.accounts.setup_token():  # there is no admin yet
        room.accounts.create_admin("root@example.org", PASSWORD)


def invited(room, made):
    """One for each try: an address is invited once."""
    return room.invitations.invite("users", f"guest{next(NUMBERS)}@example.org", {}, **SYSTEMS).id


def named(room, made):
    body = {"issuer": made.provider.home, "client_id": CLIENT, "client_secret": SECRET, "return_to": [RETURN]}
    return room.providers.put("users", "acme", body, **SYSTEMS)


def linked(room, made):
    """As whoever comes back from the provider with a code, to an account that asked for it."""
    named(room, made)
    there = room.oauth.identities("users", actor=made.actor)
    if there:
        return there[0].id
    asked = room.oauth.want_link("users", "acme", RETURN, CHALLENGE, actor=made.actor)
    gone = room.oauth.go_linking("users", "acme", parse_qs(urlsplit(asked).query)["ticket"][0], "a browser")
    back = room.oauth.come_back("users", "acme", made.provider.consent(gone).fields, "a browser")
    room.oauth.exchange("users", parse_qs(urlsplit(back).query)["code"][0], VERIFIER, {}, actor=made.actor, facts=FACTS)
    return room.oauth.identities("users", actor=made.actor)[0].id


def impersonated(room, made):
    first_admin(room)
    signed = room.accounts.sign_in("_admins", "root@example.org", PASSWORD, facts=FACTS)
    room.impersonation.begin("users", made.actor.id, actor=who(room, signed), facts=FACTS)


def key(room, made):
    return room.api_keys.create({"name": "till", "scopes": {"posts": ["list"]}}, actor=SYSTEM)[0]["id"]


def own_key(room, made):
    body = {"name": "till", "scopes": {"users": ["list"]}}
    return room.own_keys.create("users", body, actor=made.actor, facts=FACTS)[0]["id"]


def undone(room, made):
    room.collections.create({"name": "more"}, actor=SYSTEM)
    room.collections.undo(actor=SYSTEM)


def post(room, **values):
    return room.records.create("posts", {"title": "T", **values}, actor=SYSTEM, facts=FACTS).id


def trashed(room):
    id = post(room)
    room.records.delete("posts", id, actor=SYSTEM, facts=FACTS)
    return room.trash.list("posts", limit=1, actor=SYSTEM).entries[0].id


CHANGES = {
    "records.create": ("records.create", lambda room, made: post(room)),
    "records.update": ("records.update", lambda room, made: room.records.update("posts", made.post, {"title": "U"}, **SYSTEMS)),
    "records.delete": ("records.delete", lambda room, made: room.records.delete("posts", made.post, **SYSTEMS)),
    "records.batch": ("records.create", lambda room, made: room.records.batch([Operation("create", "posts", values={})], **SYSTEMS)),
    "records.update_all": ("records.update", lambda room, made: room.records.update_all("posts", Chosen("", 1), {"title": "U"}, **SYSTEMS)),
    "records.delete_all": ("records.delete", lambda room, made: room.records.delete_all("posts", Chosen("", 1), **SYSTEMS)),
    "trash.restore": ("records.restore", lambda room, made: room.trash.restore("posts", trashed(room), actor=SYSTEM)),
    "trash.remove": ("trash.remove", lambda room, made: room.trash.remove("posts", trashed(room), actor=SYSTEM)),
    "trash.empty": ("trash.empty", lambda room, made: room.trash.empty("posts", actor=SYSTEM)),
    "imports.keep": ("records.import", imported),
    "accounts.sign_in": ("accounts.sign_in", lambda room, made: room.accounts.sign_in("users", ANN, PASSWORD, facts=FACTS)),
    "accounts.create_admin": ("records.create", lambda room, made: room.accounts.create_admin("root@example.org", PASSWORD)),
    "accounts.create_first_admin": (
        "records.create", lambda room, made: room.accounts.create_first_admin(room.accounts.setup_token(), "root@example.org", PASSWORD),
    ),
    "accounts.rotate_keys": ("signing_keys.rotate", lambda room, made: room.accounts.rotate_keys()),
    "sessions.refresh": ("accounts.refresh", lambda room, made: room.sessions.refresh("users", made.signed.refresh_token, facts=FACTS)),
    "sessions.end": ("accounts.end_sessions", lambda room, made: room.sessions.end("users", made.actor.session, actor=made.actor)),
    "sessions.end_others": ("accounts.end_sessions", lambda room, made: room.sessions.end_others("users", actor=made.actor)),
    "sessions.sign_out": ("accounts.sign_out", lambda room, made: room.sessions.sign_out("users", actor=made.actor)),
    "sessions.sign_out_by": ("accounts.sign_out", lambda room, made: room.sessions.sign_out_by("users", made.signed.refresh_token)),
    "proofs.ask": ("accounts.ask_letter", lambda room, made: room.proofs.ask(VERIFICATION, "users", ANN, facts=FACTS)),
    "proofs.ask_code": ("accounts.ask_letter", lambda room, made: room.proofs.ask_code("users", ANN, facts=FACTS)),
    "proofs.ask_link": ("accounts.ask_letter", lambda room, made: room.proofs.ask_link("users", ANN, facts=FACTS)),
    "proofs.ask_email_change": (
        "accounts.ask_letter", lambda room, made: room.proofs.ask_email_change("users", NEW, PASSWORD, actor=made.actor, facts=FACTS),
    ),
    "proofs.verify": ("accounts.verify", by_link(VERIFICATION, lambda room, text: room.proofs.verify("users", text))),
    "proofs.set_password": (
        "accounts.change_password", by_link(PASSWORD_RESET, lambda room, text: room.proofs.set_password("users", text, NEW_PASSWORD)),
    ),
    "proofs.change_email": ("accounts.change_email", change_email),
    "proofs.sign_in_by_code": ("accounts.sign_in", by_code),
    "proofs.sign_in_by_link": (
        "accounts.sign_in", by_link(SIGN_IN_LINK, lambda room, text: room.proofs.sign_in_by_link("users", text, facts=FACTS)),
    ),
    "second_factors.confirm": ("accounts.sign_in", confirmed),
    "second_factors.step_up": (
        "accounts.step_up", lambda room, made: room.second_factors.step_up("users", Given(), PASSWORD, actor=made.actor, facts=FACTS),
    ),
    "factors.confirm_totp": ("factors.add", lambda room, made: App(room, made.signed)),
    "factors.remove_totp": (
        "factors.remove", lambda room, made: (App(room, made.signed), room.factors.remove_totp("users", actor=made.actor)),
    ),
    "factors.renew_recovery": (
        "factors.renew", lambda room, made: (App(room, made.signed), room.factors.renew_recovery("users", actor=made.actor)),
    ),
    "factors.reset": ("factors.reset", lambda room, made: room.factors.reset("users", made.actor.id, **SYSTEMS)),
    "enrolment.confirm": ("factors.add", enrolled),
    "passkeys.register": ("factors.add", passkey),
    "passkeys.rename": ("factors.rename", renamed_passkey),
    "passkeys.remove": ("factors.remove", removed_passkey),
    "impersonation.begin": ("accounts.impersonate", impersonated),
    "erasure.erase": ("accounts.erase", lambda room, made: room.erasure.erase("users", made.actor.id, **SYSTEMS)),
    "api_keys.create": ("api_keys.create", key),
    "api_keys.revoke": ("api_keys.revoke", lambda room, made: room.api_keys.revoke(key(room, made), actor=SYSTEM)),
    "invitations.invite": ("invitations.invite", invited),
    "invitations.send": (
        "invitations.send", lambda room, made: room.invitations.send("users", invited(room, made), **SYSTEMS),
    ),
    "invitations.withdraw": (
        "invitations.withdraw", lambda room, made: room.invitations.withdraw("users", invited(room, made), **SYSTEMS),
    ),
    "providers.put": ("providers.save", named),
    "providers.remove": (
        "providers.remove", lambda room, made: (named(room, made), room.providers.remove("users", "acme", **SYSTEMS)),
    ),
    "oauth.exchange": ("identities.link", linked),
    "oauth.unlink": (
        "identities.unlink", lambda room, made: room.oauth.unlink("users", linked(room, made), actor=made.actor, facts=FACTS),
    ),
    "factors.reset_admin": (
        "factors.reset", lambda room, made: (first_admin(room), room.factors.reset_admin("root@example.org")),
    ),
    "own_keys.create": ("own_keys.create", own_key),
    "own_keys.revoke": (
        "own_keys.revoke", lambda room, made: room.own_keys.revoke("users", own_key(room, made), actor=made.actor, facts=FACTS),
    ),
    "own_keys.revoke_all": (
        "own_keys.revoke", lambda room, made: (own_key(room, made), room.own_keys.revoke_all("users", actor=made.actor, facts=FACTS)),
    ),
    "schedules.put": ("schedules.save", scheduled),
    "schedules.pause": ("schedules.save", lambda room, made: (scheduled(room, made), room.schedules.pause("s", paused=True, actor=SYSTEM))),
    "schedules.remove": ("schedules.remove", lambda room, made: (scheduled(room, made), room.schedules.remove("s", actor=SYSTEM))),
    "schedules.run": ("schedules.run", lambda room, made: (scheduled(room, made), room.schedules.run("s", actor=SYSTEM))),
    "webhooks.create": ("webhooks.save", hooked),
    "webhooks.change": ("webhooks.save", of_webhook("change", {"name": "mine"})),
    "webhooks.remove": ("webhooks.remove", of_webhook("remove")),
    "webhooks.renew": ("webhooks.renew", of_webhook("renew")),
    "webhooks.test": ("webhooks.test", of_webhook("test")),
    "webhooks.replay": ("webhooks.replay", replayed),
    "webhooks.replay_dead": ("webhooks.replay", of_webhook("replay_dead", {"since": "2026-01-01"})),
    "inbound.put": ("inbound.save", sourced),
    "inbound.remove": ("inbound.remove", lambda room, made: (sourced(room, made), room.inbound.remove("shop", actor=SYSTEM))),
    "inbound.receive": ("inbound.receive", received),
    "collections.create": ("collections.create", lambda room, made: room.collections.create({"name": "more"}, actor=SYSTEM)),
    "collections.change": (
        "collections.change", lambda room, made: room.collections.change("posts", {"rules": {"list": ""}}, actor=SYSTEM),
    ),
    "collections.delete": ("collections.delete", lambda room, made: room.collections.delete("posts", actor=SYSTEM)),
    "collections.undo": ("collections.delete", undone),
    "schema.apply": ("collections.create", lambda room, made: room.schema.apply({"more": {"name": "more"}}, actor=SYSTEM)),
}  # fmt: skip
# Not told by hooks, each for its reason.
READS = {
    "file_links.make", "file_links.whose", "files.find", "files.open", "files.smaller", "files.elsewhere",
    "records.list", "records.get", "records.aggregate", "records.query_names", "collections.list", "collections.get",
    "collections.history", "collections.plan_creation", "collections.plan_change", "schema.export", "schema.plan", "schema.drift",
    "exports.write", "exports.count", "imports.has", "imports.begin", "imports.check", "imports.begin_new", "imports.propose",
    "imports.judge", "imports.progress", "trash.list", "explanations.explain", "explanations.why", "accounts.identify", "accounts.me",
    "accounts.public_keys", "sessions.list", "sessions.own_account", "factors.list", "api_keys.list", "api_keys.identify",
    "own_keys.list", "own_keys.identify", "audit.list",
    "audit.own", "schedules.list", "webhooks.list", "webhooks.get", "webhooks.deliveries", "webhooks.delivery",
    "inbound.list", "inbound.messages", "metrics.measures",
    "outlines.known_to", "operations.ready", "operations.capabilities", "personal_exports.write",
    "providers.list", "invitations.list",
    "providers.found", "providers.client", "providers.callback", "oauth.offered", "oauth.identity", "oauth.identities", "accounts.check",
}  # fmt: skip
STEPS = {  # of a use case above, inside of its transaction or before it
    "files.sweep",
    "sessions.open", "sessions.admit", "sessions.goes_on",
    "factors.counts", "factors.tidy", "factors.tell", "puzzles.solved", "factors.propose_totp",
    "oauth.go", "oauth.want_link", "oauth.go_linking", "oauth.come_back",
    "schedules.tick", "schedules.settle", "schedules.declare", "schedules.coming",
    "factors.begin_app", "factors.keep_app", "passkeys.propose", "passkeys.registration", "passkeys.keep", "passkeys.check_possible",
    "enrolment.propose_app", "enrolment.propose_passkey",
    "passkeys.ask", "puzzles.give", "imports.keep_parts", "imports.create", "accounts.setup_token",
}  # fmt: skip
# What they make and whom they sign in is made and signed in as everywhere, and told there.
THROUGH = {"anonymous.sign_in", "invitations.accept"}
# What they begin with is there already the second time.
ONCE = {"collections.undo", "second_factors.confirm", "factors.remove_totp", "factors.renew_recovery"}
# Of the backend itself: what it does was asked for before.
MACHINERY = {"jobs", "job_runs", "events", "deliveries", "housekeeping", "limits", "idempotency", "mail", "uploads", "resumable",
             "upload_forms", "file_checks", "webhook_fanout",
             "webhook_sending"}  # fmt: skip


class Made:
    provider = None

    def __init__(self, room, event):
        self.post = post(room)
        if not event.startswith(("records.", "trash.", "collections.")):
            sign_up(room)
            self.signed = room.accounts.sign_in("users", ANN, PASSWORD, facts=FACTS)
            self.actor = who(room, self.signed)


@pytest.fixture(scope="module", autouse=True)
def provider():
    with serving() as Made.provider:
        Made.provider.person = Person("s-1", email="ann@example.org")
        yield


@contextmanager
def watched(event):
    """A room, what hooks were asked and told of this event in it, and which events they refuse."""
    asked, told, refused = [], [], set()
    watcher = Extension("watcher")

    @watcher.before(event)
    def ask(change, backend):
        asked.append(change)
        if change.event in refused:
            raise Forbidden("not while I am watching", code="watched")

    watcher.after(event)(lambda happened, backend: told.append((event, happened)))
    asked_for = {"extensions": [watcher], "loopback_providers": True, "loopback_webhooks": True}
    with testing.backend(clock=ToldClock(SystemClock().now()), **asked_for) as room:
        for each in (POSTS, MAILED):
            room.collections.create(each, actor=SYSTEM)
        yield room, asked, told, refused


def test_every_use_case_is_told_by_hooks_or_says_why_not():
    for attribute in fields(Backend):
        public = [name for name, it in vars(attribute.type).items() if callable(it) and not name.startswith("_")]
        methods = set() if attribute.name in MACHINERY else {f"{attribute.name}.{name}" for name in public}
        known = {*CHANGES, *READS, *STEPS, *THROUGH}
        assert methods <= known, "a use case that changes something calls `happens`, and stands in the table above"


def test_every_event_has_a_case():
    assert {event for event, _ in CHANGES.values()} == set(CATALOGUE)


@pytest.mark.parametrize("use_case", CHANGES)
def test_a_change_is_asked_before_and_told_after_and_does_not_happen_where_it_is_refused(use_case):
    event, change = CHANGES[use_case]
    with watched(event) as (room, asked, told, refused):
        tried(use_case, event, lambda made: change(room, made), room, asked, told, refused)


def tried(use_case, event, change, room, asked, told, refused):
    made = Made(room, event)
    room.events.drain()
    told.clear()
    if use_case not in ONCE:
        refused.add(event)
        with pytest.raises(Forbidden, match="while I am watching"):
            change(made)
        room.events.drain()
        assert event not in [name for name, _ in told]
        refused.clear()
    asked.clear()
    change(made)
    room.events.drain()
    assert {type(each) for each in asked if each.event == event} == {CATALOGUE[event].shape}
    heard = [happened for name, happened in told if name == event]
    assert {each.kind for each in heard} == {CATALOGUE[event].committed}
    assert [each.collection for each in asked if each.event == event][-1] == heard[-1].collection
    for secret in (PASSWORD, NEW_PASSWORD, *([made.signed.refresh_token] if hasattr(made, "signed") else [])):
        assert secret not in repr((heard, asked))
