"""Which accounts are not signed in without a second factor: the `second_factor` rule of their collection, or for admins a setting."""

from app.usecases.factor_proofs import factors_of
from app.usecases.request_values import request_values
from app.usecases.rulebook import Rulebook
from domain.actor import ADMINS, GUEST
from domain.rules.shape import shape
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from ports.clock import Clock
from ports.unit_of_work import Stores

_ANY_WAY = RequestFacts("POST")


class FactorRule:
    """`choices` are the kinds of factors that can be set up here."""

    def __init__(self, rulebook: Rulebook, clock: Clock, *, choices: tuple[str, ...], admins: bool = False) -> None:
        self._rulebook, self._clock, self.choices, self._admins = rulebook, clock, choices, admins

    def binds(self, stores: Stores, collection: Collection, account: str, facts: RequestFacts = _ANY_WAY) -> bool:
        """Whether this account has to have one. `facts` tell by which way it signs in."""
        text = collection.rules.second_factor
        if collection.name == ADMINS:
            return self._admins
        if not text:
            return text is not None
        ruling = self._rulebook.condition(stores.schema, collection, text)
        # As for the `auth` rule: nobody has signed in yet, and the record is the account.
        values = request_values(stores, ruling.paths, GUEST, facts, None, self._clock.now())
        return stores.records.matches(collection, account, shape(ruling.condition, values))

    def wants_more(self, stores: Stores, collection: Collection, account: str, facts: RequestFacts) -> bool:
        """Whether it has to have one and has none."""
        return self.binds(stores, collection, account, facts) and not factors_of(stores, collection, account)
