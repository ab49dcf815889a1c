"""Response headers that protect whoever receives an answer; on every class of answer, errors included."""

from collections.abc import Mapping

Headers = list[tuple[str, str]]

# An answer of the API is data: nothing in it may run, be framed, be sniffed as another type or be kept by a proxy.
# What pages of other origins may read is told by `cross_origin`.
PROTECTIONS: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    # Servers write their own name where there is none.
    ("Server", "stillroom"),
)
# Browsers obey it on https alone; sent where clients are known to come by https.
STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
# Swagger UI loads scripts, styles and images from us and asks us only.
DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def protections(*, https: bool) -> dict[str, tuple[str, str]]:
    """By lower-case name, as `protected` wants them."""
    chosen = (*PROTECTIONS, STRICT_TRANSPORT) if https else PROTECTIONS
    return {name.lower(): (name, value) for name, value in chosen}


def protected(headers: Headers, defaults: Mapping[str, tuple[str, str]]) -> Headers:
    """The headers, with every default that the answer did not set by itself."""
    missing = dict(defaults)
    for name, _ in headers:
        missing.pop(name.lower(), None)
    return [*headers, *missing.values()]
