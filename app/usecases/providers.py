"""Providers that people sign in with: owners name them, and everybody sees which ones there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.usecases.audit import note
from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.oauth import Client, ProviderTalks
from app.usecases.sessions import accounts_of
from domain.accounts.presets import OTHER, PRESETS, Preset
from domain.accounts.providers import Provider, no_provider, read_provider
from domain.accounts.roles import RUN, require
from domain.actor import Actor
from domain.errors import invalid
from domain.hooks.changes import ProviderChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.seals import Sealing
from ports.unit_of_work import Stores, UnitOfWork

_WHAT = "providers of sign-in are"


class ProviderUseCases:
    def __init__(
        self, work: UnitOfWork, talks: ProviderTalks, seal: Sealing, clock: Clock, ids: Ids, *, public_url: str, loopback: bool,
        presets: Mapping[str, Preset] = PRESETS,
    ) -> None:  # fmt: skip
        self._work, self._talks, self._seal, self._clock, self._ids = work, talks, seal, clock, ids
        self._public_url, self._loopback, self._presets = public_url, loopback, presets

    def list(self, name: str, *, actor: Actor) -> Sequence[Provider]:
        require(actor, RUN, _WHAT)
        return self._work.read(lambda stores: stores.providers.all(_standing(stores, name, actor)))

    def put(self, name: str, called: str, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts) -> Provider:
        """The provider as it is from now on, in place of the one of this name; a secret that is left out stays. The provider is asked
        about itself first: Invalid where it cannot be signed in with, Unavailable where it does not answer."""
        require(actor, RUN, _WHAT)
        now = write_instant(self._clock.now())
        made, secret = read_provider(called, body, created=now, now=now, loopback=self._loopback)
        kept = self._work.read(lambda stores: self._kept_secret(stores, name, made, actor))
        client = self.client(name, made, secret or kept)
        if not client.secret:
            raise invalid("/client_secret", "required", "`client_secret` is what the provider gave you with the client id")
        self._talks.check_secret(client)
        self._talks.issuer(client)
        return self._work.run(lambda stores: self._put(stores, name, made, client.secret, actor, facts))

    def remove(self, name: str, called: str, *, actor: Actor, facts: RequestFacts) -> None:
        """Nobody signs in by it from now on. Whose account is whose is kept, for when it comes back under the same issuer."""
        require(actor, RUN, _WHAT)

        def body(stores: Stores) -> None:
            collection = self._fresh(stores, name, actor)
            if not stores.providers.remove(collection, called):
                raise no_provider()
            self._tell(stores, "remove", collection, called, actor, facts)
            self._note(stores, "provider.removed", collection, called, actor, facts)

        self._work.run(body)

    # --- for signing in

    def callback(self, name: str, called: str) -> str:
        return f"{self._public_url}/api/v1/auth/{name}/oauth/{called}/callback"

    def client(self, name: str, provider: Provider, secret: str) -> Client:
        preset = self._presets.get(provider.preset, OTHER)
        return Client(provider.issuer, provider.client_id, secret, self.callback(name, provider.name), preset)

    def found(self, stores: Stores, collection: Collection, called: str) -> tuple[Provider, Client]:
        found = stores.providers.find(collection, called)
        if found is None:
            raise no_provider()
        return found[0], self.client(collection.name, found[0], self._opened(collection, called, found[1]))

    def _kept_secret(self, stores: Stores, name: str, made: Provider, actor: Actor) -> str:
        """Of the provider that was there, if it is still the same: a secret is never sent to where another issuer says that it is."""
        collection = _standing(stores, name, actor)
        found = stores.providers.find(collection, made.name)
        if found is None or (found[0].issuer, found[0].preset) != (made.issuer, made.preset):
            return ""
        return self._opened(collection, made.name, found[1])

    def _put(self, stores: Stores, name: str, made: Provider, secret: str, actor: Actor, facts: RequestFacts) -> Provider:
        collection = self._fresh(stores, name, actor)
        stores.providers.put(collection, made, self._seal.close(secret.encode(), about=_about(collection, made.name)))
        self._tell(stores, "save", collection, made.name, actor, facts)
        self._note(stores, "provider.saved", collection, made.name, actor, facts)
        found = stores.providers.find(collection, made.name)
        return found[0] if found else made

    def _fresh(self, stores: Stores, name: str, actor: Actor) -> Collection:
        """Who may let others sign in as anybody has shown that it is them."""
        collection = _standing(stores, name, actor)
        need_fresh_admin(stores, actor, self._clock.now())
        return collection

    def _tell(self, stores: Stores, what: str, collection: Collection, called: str, actor: Actor, facts: RequestFacts) -> None:
        change = ProviderChange(
            event=f"providers.{what}", actor=actor, request=facts.request_id, collection=collection.name, provider=called
        )
        happens(stores, change, write_instant(self._clock.now()), collection, facts=facts)

    def _note(self, stores: Stores, action: str, collection: Collection, called: str, actor: Actor, facts: RequestFacts) -> None:
        now = write_instant(self._clock.now())
        note(stores, self._ids.new(), now, action, collection.id, actor=actor, facts=facts, detail=f"{collection.name} {called}")

    def _opened(self, collection: Collection, called: str, sealed: bytes) -> str:
        return self._seal.open(sealed, about=_about(collection, called)).decode()


def _standing(stores: Stores, name: str, actor: Actor) -> Collection:
    stores.records.check_guard(guard_of(actor))
    return accounts_of(stores, name)


def _about(collection: Collection, called: str) -> str:
    """A secret opens for its own provider only, wherever somebody who writes to the database puts it."""
    return f"provider:{collection.id}:{called}"
