"""Which pages of other origins may read what this backend answers, and which of them act with the cookies of their visitors."""

import re
from dataclasses import dataclass

ANYONE = "*"
# As a browser writes it (RFC 6454, section 6.2): lower case, no path, no default port. Apps in a shell have schemes of their own.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[1-9][0-9]{0,4})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Origins:
    """`exact` are trusted as our own pages are: with cookies, where a browser sends them. `anyone` reads what needs none."""

    exact: frozenset[str] = frozenset()
    anyone: bool = False

    def __bool__(self) -> bool:
        return self.anyone or bool(self.exact)

    def __str__(self) -> str:
        return ANYONE if self.anyone else ", ".join(sorted(self.exact))

    def may_read(self, origin: str) -> bool:
        return self.anyone or origin in self.exact

    def trusts(self, origin: str | None) -> bool:
        """Whole texts are compared: what begins or ends like a trusted origin is another one."""
        return origin in self.exact


NOBODY = Origins()


def read_origins(text: str) -> Origins:
    """`https://app.example.org, http://localhost:5173`, or `*`. ValueError where a part can never be what a browser sends."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts == [ANYONE]:
        return Origins(anyone=True)
    if ANYONE in parts:
        raise ValueError("is either `*` or a list of origins: whoever is on the list may use cookies, and `*` may not")
    return Origins(frozenset(map(_checked, parts)))


def _checked(origin: str) -> str:
    fault = _fault(origin)
    if fault:
        raise ValueError(f"is a list of origins as browsers send them, for example https://app.example.org: `{origin[:100]}` {fault}")
    return origin


def _fault(origin: str) -> str | None:
    scheme, _, rest = origin.partition("://")
    if origin.lower() == "null":
        return "is what any page in a sandbox sends"
    if not scheme or not rest:
        return "has no scheme"
    if "*" in rest:
        return "is a pattern; name each origin"
    if "/" in rest or "?" in rest or "#" in rest:
        return "ends with its host and port"
    if rest.endswith(_DEFAULT_PORTS.get(scheme, " ")):
        return "has the port that browsers leave out"
    if not origin.isascii():
        return "is not ASCII; write the host as `xn--…`"
    if origin != origin.lower():
        return "is not in lower case"
    return None if _ORIGIN.fullmatch(origin) else "is no origin"
