"""Who may ask how often: finds what a request is counted by, counts it, and refuses what is over. How it is counted is a port.

Limits are for those who come from outside: what has no visit is the process itself, and admins and the system are bound by the limits
of signing in alone, so that somebody can always mend what a wrong limit shut.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from domain.actor import Actor
from domain.errors import TooMany
from domain.limits.policies import (
    MAIL,
    MAIL_ADDRESS,
    MAIL_MAILBOX,
    PASSWORD_CHECK,
    REQUESTS,
    SECOND_FACTOR,
    SIGN_IN,
    SIGN_IN_ADDRESS,
    SIGN_IN_IDENTITY,
    Policies,
)
from domain.limits.quotas import Meter, Quota, Tally, meter, too_many
from domain.limits.visits import Visit, whom
from domain.schema.collection import Collection, Schema
from domain.schema.fields.text import email_key
from ports.limits import HitCounter
from ports.observer import LimitReached, Observer
from ports.unit_of_work import UnitOfWork

# No address of an account is longer; what is cut off here names nobody, and is not worth to be normalised.
_LONGEST_IDENTITY = 300


class LimitUseCases:
    def __init__(self, work: UnitOfWork, counter: HitCounter, policies: Policies, observer: Observer) -> None:
        self._work, self._counter, self._policies, self._observer = work, counter, policies, observer
        self._requests = policies.quota(REQUESTS)

    @property
    def routes(self) -> dict[str, Quota]:
        """What doors limit by themselves, by operation id."""
        return self._policies.routes

    def admit(self, visit: Visit, actor: Actor, collection: str = "", action: str = "") -> None:
        """Counts a request of this actor, which does this with records of this collection. TooMany where it is over a limit."""
        if actor.passes_rules:
            return
        if self._requests:
            self.count(visit, [meter(REQUESTS, self._requests, *whom(actor, visit))])
        if action:
            visit.recheck = admission = _Admission(self, visit, actor, collection, action)
            self._admit(visit, admission)

    def admit_each(self, visit: Visit, actor: Actor, actions: Iterable[tuple[str, str]]) -> None:
        """Counts what a batch does, as (collection, action): each as if it were a request of its own, so that a batch is no way
        around the limits of a collection."""
        if actor.passes_rules:
            return
        schema = self._work.glimpse()
        admissions = [
            _Admission(self, visit, actor, collection, action)
            for (collection, action), times in Counter(actions).items()
            # What has no limit now is asked for once more in the body, in case that it has one there.
            for _ in range(times if _quota(schema.collections.get(collection), action) else 1)
        ]
        for each in admissions:
            self._admit(visit, each)

        def recheck(schema: Schema) -> None:
            for each in admissions:
                each(schema)

        visit.recheck = recheck

    def _admit(self, visit: Visit, admission: "_Admission") -> None:
        """Whoever is let in comes to a body, which finds out where the schema has moved on. Whoever is refused would not, so the
        database is asked whether this limit is still the one."""
        meters = admission.enter(self._work.glimpse())
        if not meters:
            return
        try:
            self.count(visit, meters)
        except TooMany:
            present = self._work.read(lambda stores: stores.current())
            if admission.holds(present):
                raise
            visit.tallies.pop()
            self.count(visit, admission.enter(present))

    def sign_in(self, visit: Visit | None, collection: str, identity: str) -> None:
        """Counts an attempt before its password is looked at, so that of many at once no more are tried than may be. Whether there is
        such an account changes nothing. The limit of the address comes first: what it refuses uses up nobody's identity."""
        if visit is None:
            return
        key, address = (collection, email_key(identity[:_LONGEST_IDENTITY])), visit.address
        self._count_by(
            visit,
            (SIGN_IN_ADDRESS, (address,), True),
            (SIGN_IN, (address, *key), True),
            # What others tried with this identity is nobody's business.
            (SIGN_IN_IDENTITY, key, False),
        )

    def spares(self, name: str, *key: str) -> bool:
        """Whether this limit had one left, which is counted. Not where there is no such limit."""
        quota = self._policies.quota(name)
        return quota is not None and not self.hit(meter(name, quota, *key)).is_over

    def mail(self, visit: Visit | None, collection: str, email: str) -> None:
        """Counts that somebody wants a letter sent to this address, whether it has an account or not."""
        if visit is not None:
            key, address = (collection, email_key(email)), visit.address
            self._count_by(visit, (MAIL_ADDRESS, (address,), True), (MAIL, (address, *key), True), (MAIL_MAILBOX, key, False))

    def second_factor(self, visit: Visit | None, collection: str, account: str) -> None:
        """Counts that somebody shows a second factor of this account, over all tickets."""
        if visit is not None:
            self._count_by(visit, (SECOND_FACTOR, (collection, account), True))

    def provider(self, visit: Visit | None) -> None:
        """Counts a step of a sign-in by a provider, of whoever that may be: each asks somebody else's server, or tries a code."""
        if visit is not None:
            self._count_by(visit, (SIGN_IN_ADDRESS, (visit.address,), True))

    def check_password(self, visit: Visit | None, actor: Actor) -> None:
        """Counts that an account gives its present password: whoever stole a token could guess by it."""
        if visit is not None:
            self._count_by(visit, (PASSWORD_CHECK, (actor.collection, actor.id), True))

    def _count_by(self, visit: Visit, *wanted: tuple[str, tuple[str, ...], bool]) -> None:
        quotas = ((self._policies.quota(name), name, key, is_told) for name, key, is_told in wanted)
        self.count(visit, [meter(name, quota, *key, is_told=is_told) for quota, name, key, is_told in quotas if quota])

    def count(self, visit: Visit, meters: Sequence[Meter]) -> None:
        if not meters:
            return
        self.judge(visit, self._counter.hit(meters))

    def judge(self, visit: Visit, tallies: Sequence[Tally]) -> None:
        visit.tallies += [each for each in tallies if each.meter.is_told or each.is_over]
        refusal = too_many(tallies)
        if refusal is not None:
            self._observer.observe(LimitReached(tallies[-1].meter.name))
            raise refusal

    def hit(self, meter: Meter) -> Tally:
        """For doors with declarations of their own: one count, without a refusal."""
        return self._counter.hit([meter])[0]


class _Admission:
    """How a request was let into a collection, so that a change of its limits binds everybody who is served under it."""

    __slots__ = ("_action", "_actor", "_limits", "_name", "_quota", "_version", "_visit")

    def __init__(self, limits: LimitUseCases, visit: Visit, actor: Actor, name: str, action: str) -> None:
        self._limits, self._visit, self._actor, self._name, self._action = limits, visit, actor, name, action
        self._version, self._quota = -1, None  # type: int, Quota | None

    def enter(self, schema: Schema) -> list[Meter]:
        """What the request is counted by under this schema, besides what it was counted by before."""
        self._version = schema.version
        collection, before = schema.collections.get(self._name), self._quota
        self._quota = _quota(collection, self._action)
        if collection is None or self._quota is None or self._quota == before:
            return []
        shown = f"{collection.name}.{self._action}"
        # By the id: a collection that is renamed counts on, a later one of the same name begins anew.
        return [meter("collection", self._quota, collection.id, self._action, *whom(self._actor, self._visit), shown=shown)]

    def holds(self, schema: Schema) -> bool:
        return schema.version == self._version

    def __call__(self, schema: Schema) -> None:
        """Once in a while, when collections have changed, this counts inside of a body. That is no harm: it is counted once, however
        often the body runs."""
        if self.holds(schema):
            return
        before, meters = self._quota, self.enter(schema)
        if before and self._quota and meters and before.seconds == self._quota.seconds:
            # Counted already, in the same window: only what that means has changed.
            known = self._visit.tallies[-1]
            self._limits.judge(self._visit, [Tally(meters[0], known.used, known.ends_in)])
        else:
            self._limits.count(self._visit, meters)


def _quota(collection: Collection | None, action: str) -> Quota | None:
    """None also where the action is for admins: an answer that spoke of a limit would tell that there is such a collection."""
    if collection is None or collection.limits is None or getattr(collection.rules, action) is None:
        return None
    return collection.limits.quota(action)
