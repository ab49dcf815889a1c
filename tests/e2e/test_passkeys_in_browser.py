"""The script of docs/second-factors.md in a real Chromium with a virtual authenticator: as a second factor, and as the only one."""

from collections.abc import Callable
from typing import Any

from tests.browser import browsing
from tests.docs.blocks import blocks
from tests.e2e.server import Server

BEN = {"email": "ben@example.org", "password": "a horse, a battery"}
VERIFYING = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
    "automaticPresenceSimulation": True,
}  # fmt: skip
SIGN_IN = f"post('sign-in', {{identity: '{BEN['email']}', password: '{BEN['password']}'}})"


def test_a_passkey_of_a_real_browser(server: Callable[..., Server]) -> None:
    running = server(workers=1)
    assert running.request("POST", "/api/v1/collections", {"name": "users", "type": "accounts"}, running.admin_token()).status == 201
    assert running.request("POST", "/api/v1/collections/users/records", BEN, running.admin_token()).status == 201
    # Browsers know no passkeys of addresses by number.
    site = running.url.replace("127.0.0.1", "localhost")
    with browsing(site) as watched:
        page = watched.page
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": VERIFYING})
        page.goto(f"{site}/api/v1/docs")
        (script,) = blocks("second-factors.md", "js")

        def run(expression: str) -> Any:
            return page.evaluate(f"async () => {{ {script}; return {expression}; }}")

        made = run(f"await register((await {SIGN_IN}).access_token, 'this laptop')")
        assert (made.get("name"), len(made.get("recovery_codes", ()))) == ("this laptop", 10), made
        second = run(f"await signIn(await {SIGN_IN})")
        assert second["account"]["email"] == BEN["email"], second
        alone = run("await signIn()")
        assert alone["account"]["email"] == BEN["email"], alone
