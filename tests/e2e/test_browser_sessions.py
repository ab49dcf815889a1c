"""A session in the cookies of a real browser: its own page lives by them, and a page of another origin gets nothing done with them."""

import json
from collections.abc import Callable
from typing import Any

from tests.browser import browsing
from tests.e2e.server import Server

USERS = {
    "name": "users", "type": "accounts", "fields": [{"name": "name", "type": "text"}],
    "rules": {"create": "", "view": "id = @request.auth.id", "update": "id = @request.auth.id"},
}  # fmt: skip
BEN = {"email": "ben@example.org", "password": "a horse, a battery"}
CSRF = "document.cookie.match(/__Host-stillroom_csrf=([^;]+)/)?.[1]"
ASK = """async ([method, path, body, shown]) => {
    const csrf = shown ? CSRF : undefined
    const headers = {...(csrf && {"X-CSRF-Token": csrf}), ...(body && {"Content-Type": "application/json"})}
    const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)})
    return [answer.status, answer.status === 204 ? null : await answer.json()]
}""".replace("CSRF", CSRF, 1)
# What a page may send to anybody without asking first; it is not let see the answer.
ATTACK = """async ([url, type]) => {
    const body = type === null ? undefined : new Blob(["{}"], {type})
    try { await fetch(url, {method: "POST", mode: "no-cors", credentials: "include", body}) } catch (blocked) { }
}"""


def test_a_page_lives_by_its_cookies_and_no_other_page_does(server: Callable[..., Server], elsewhere: int) -> None:
    running = server(workers=1)
    assert running.request("POST", "/api/v1/collections", USERS, running.admin_token()).status == 201
    id = running.request("POST", "/api/v1/collections/users/records", BEN).body["id"]
    with browsing(running.url) as watched:
        page = watched.page

        def ask(method: str, path: str, body: Any = None, *, shown: bool = False) -> Any:
            return page.evaluate(ASK, [method, f"/api/v1/{path}", body, shown])

        page.goto(f"{running.url}/api/v1/docs")
        status, signed = ask("POST", "auth/users/sign-in", {"identity": BEN["email"], "password": BEN["password"], "mode": "cookie"})
        assert (status, signed["account"]["id"]) == (201, id)
        assert page.evaluate(CSRF) == signed["csrf_token"]
        kept = [(each["name"], each["secure"], each["httpOnly"], each["sameSite"]) for each in page.context.cookies()]
        hidden = {"_access": True, "_refresh": True, "_csrf": False, "-device": True}
        assert sorted(kept) == sorted((f"__Host-stillroom{name}", True, is_hidden, "Lax") for name, is_hidden in hidden.items())
        assert "access" not in page.evaluate("document.cookie")

        assert ask("GET", "auth/users/me")[1]["id"] == id
        assert ask("PATCH", f"collections/users/records/{id}", {"name": "Ben"})[1]["code"] == "csrf_refused"
        assert ask("PATCH", f"collections/users/records/{id}", {"name": "Ben"}, shown=True)[1]["name"] == "Ben"
        page.context.clear_cookies(name="__Host-stillroom_access")
        assert ask("GET", "auth/users/me")[1]["code"] == "token_expired"
        assert ask("POST", "auth/users/refresh", shown=True)[0] == 201
        assert ask("GET", "auth/users/me")[0] == 200

        # Another port is another origin but the same site, so that the cookies go along; another name is another site.
        for host in ("127.0.0.1", "localhost"):
            page.goto(f"http://{host}:{elsewhere}/")
            for door in ("sign-out", "refresh"):
                for type_ in ("text/plain", "application/x-www-form-urlencoded", "", None):
                    page.evaluate(ATTACK, [f"{running.url}/api/v1/auth/users/{door}", type_])
        page.goto(f"{running.url}/api/v1/docs")
        assert ask("GET", "auth/users/me")[0] == 200
        # Without the cookies it would have been 401: they did go along.
        assert 403 in _answered(running, "/api/v1/auth/users/sign-out")

        assert ask("POST", "auth/users/sign-out", shown=True)[0] == 204
        assert [each["name"] for each in page.context.cookies()] == ["__Host-stillroom-device"]
        assert ask("GET", "auth/users/me")[1]["code"] == "unauthenticated"


def _answered(running: Server, path: str) -> set[int]:
    """The statuses of the request log."""
    lines = [json.loads(line) for line in running.output.splitlines() if line.startswith("{")]
    return {line["status"] for line in lines if line.get("path") == path}
