"""Acting as an account: an owner gets a token for it, which says so, for minutes."""

from app.usecases.audit import note
from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.sessions import accounts_of
from domain.accounts.impersonation import check_impersonable, impersonated
from domain.accounts.roles import RUN, require
from domain.actor import Actor
from domain.errors import Conflict, NotFound
from domain.hooks.changes import AccountChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.account_fields import DISABLED
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.tokens import Issued, Tokens
from ports.unit_of_work import Stores, UnitOfWork


class ImpersonationUseCases:
    def __init__(self, work: UnitOfWork, tokens: Tokens, clock: Clock, ids: Ids) -> None:
        self._work, self._tokens, self._clock, self._ids = work, tokens, clock, ids

    def begin(self, name: str, id: str, *, actor: Actor, facts: RequestFacts) -> Issued:
        """A token for this account, which no refresh goes on from. It ends with the account's own tokens, and with the session of the
        admin. Forbidden for others than owners, and where the sign-in is not fresh."""
        require(actor, RUN, "acting as another account is")
        check_impersonable(name)
        epoch = self._work.run(lambda stores: self._begun(stores, name, id, actor, facts))
        return self._tokens.issue(impersonated(actor, name, id, epoch))

    def _begun(self, stores: Stores, name: str, id: str, actor: Actor, facts: RequestFacts) -> int:
        stores.records.check_guard(guard_of(actor))
        need_fresh_admin(stores, actor, self._clock.now())
        collection = accounts_of(stores, name)
        found, record = stores.accounts.credentials_of(collection, id), stores.records.load(collection, id)
        if found is None or record is None:
            raise NotFound("there is no such account")
        if record[DISABLED]:
            raise Conflict("this account is disabled: there is nothing that it may do", code="account_disabled")
        now = write_instant(self._clock.now())
        change = AccountChange(
            event="accounts.impersonate", actor=actor, request=facts.request_id, collection=name, account=id, by="admin",
            session=actor.session,
        )  # fmt: skip
        happens(stores, change, now, collection, facts=facts)
        note(stores, self._ids.new(), now, "account.impersonated", id, actor=actor, facts=facts, detail=name)
        return found.epoch
