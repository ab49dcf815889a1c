"""The limits that the owner sets for the whole backend: what each counts, its default, and how the setting says it.

Those of a single collection are part of its definition; see domain.schema.limits.
"""

from dataclasses import dataclass, field
from types import MappingProxyType

from domain.errors import did_you_mean
from domain.limits.quotas import WANTED, Quota, read_quota

SIGN_IN, SIGN_IN_ADDRESS, SIGN_IN_IDENTITY = "sign-in", "sign-in-address", "sign-in-identity"
SIGN_IN_DEVICE = "sign-in-device"
PASSWORD_CHECK, SECOND_FACTOR, REQUESTS = "password-check", "second-factor", "requests"
MAIL, MAIL_ADDRESS, MAIL_MAILBOX = "mail", "mail-address", "mail-mailbox"
# A person mistypes a password some times in a row; a program tries as often as it may. `sign-in-identity` is wide on purpose: whoever
# has many addresses can use it up, and then the owner gets in only from a device that was signed in before.
DEFAULTS: dict[str, Quota] = {
    SIGN_IN: Quota(10, 60),
    SIGN_IN_ADDRESS: Quota(60, 60),
    SIGN_IN_IDENTITY: Quota(100, 3600),
    # Of each device that was signed in before, in place of the three above and of `second-factor`: what others use up is not its own.
    SIGN_IN_DEVICE: Quota(30, 3600),
    PASSWORD_CHECK: Quota(10, 60),
    # Who asks has the password: guessing six digits by thirty tries an hour finds them in years. Recovery codes are counted as well.
    SECOND_FACTOR: Quota(30, 3600),
    # Letters that one asker wants for one mailbox, one asker for all, and everybody for one: a mailbox is not flooded, and it takes many
    # addresses to use up what its owner may ask for.
    MAIL: Quota(5, 900),
    MAIL_ADDRESS: Quota(30, 3600),
    MAIL_MAILBOX: Quota(20, 3600),
    "create_first_admin": Quota(10, 60),
    # Each leaves a row for five minutes, for whoever asks.
    "ask_passkey": Quota(30, 60),
    # Each leaves an account.
    "sign_in_anonymously": Quota(20, 3600),
    # Each leaves entries in the audit trail, also where it is revoked at once.
    "create_account_key": Quota(30, 3600),
    "export_records": Quota(10, 60),
    # A worker makes two at a time: one account alone must not keep all others from theirs.
    "export_personal_data": Quota(5, 3600),
}
OFF = "off"


@dataclass(frozen=True, slots=True)
class Policies:
    """`quotas` by the names above; `routes` by operation id."""

    quotas: MappingProxyType[str, Quota] = field(default_factory=lambda: MappingProxyType({}))

    def quota(self, name: str) -> Quota | None:
        return self.quotas.get(name)

    @property
    def routes(self) -> dict[str, Quota]:
        return {name: quota for name, quota in self.quotas.items() if name not in NAMES}


NAMES = (
    SIGN_IN, SIGN_IN_ADDRESS, SIGN_IN_IDENTITY, SIGN_IN_DEVICE, PASSWORD_CHECK, SECOND_FACTOR, MAIL, MAIL_ADDRESS, MAIL_MAILBOX, REQUESTS,
)  # fmt: skip
NO_POLICIES = Policies()


def default_policies() -> Policies:
    return Policies(MappingProxyType(dict(DEFAULTS)))


def read_policies(text: str) -> Policies:
    """`sign-in=5/minute, requests=600/minute, list_records=off`; what is not named keeps its default, `off` alone ends them all.
    ValueError with the rest of a sentence where something is wrong. Whether a route is there is asked by `unknown_route`."""
    if text.strip() == OFF:
        return NO_POLICIES
    quotas = dict(DEFAULTS)
    for part in text.split(","):
        name, separator, told = (each.strip() for each in part.partition("="))
        quota = read_quota(told)
        if not name or not separator:
            raise ValueError("is a list such as `sign-in=10/minute, requests=600/minute`, or `off`")
        if quota is None and told != OFF:
            raise ValueError(f"has at `{name[:60]}` what is no limit: it {WANTED}, or `off`")
        quotas.pop(name, None)
        if quota is not None:
            quotas[name] = quota
    return Policies(MappingProxyType(quotas))


def unknown_route(policies: Policies, operations: list[str]) -> str | None:
    """The sentence about a name that is neither a limit of ours nor an operation."""
    for name in policies.routes:
        if name not in operations:
            near = did_you_mean(name, [*NAMES, *operations])
            return f"`{name[:60]}` is neither a limit nor an operation" + (f"; {near}" if near else "")
    return None
