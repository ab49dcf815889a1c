"""A real browser's pages of other origins: the one that is named reads, signs in and changes; its neighbour gets nothing."""

from collections.abc import Callable
from typing import Any

from tests.browser import browsing
from tests.e2e.server import Server
from tests.e2e.test_browser_sessions import BEN, USERS

ASK = """async ([method, url, headers, body]) => {
    try {
        const sent = {"Content-Type": "application/json", ...headers}
        const answer = await fetch(url, {method, credentials: "include", headers: sent, body: body && JSON.stringify(body)})
        return [answer.status, await answer.json(), answer.headers.get("ETag"), answer.headers.get("RateLimit")]
    } catch (refused) { return [0, null, null, null] }
}"""


def test_a_named_page_is_let_in_and_its_neighbour_is_not(server: Callable[..., Server], elsewhere: int) -> None:
    named = f"http://127.0.0.1:{elsewhere}"
    running = server(workers=1, STILLROOM_CORS_ORIGINS=named, STILLROOM_LIMITS="requests=1000/minute")
    assert running.request("POST", "/api/v1/collections", USERS, running.admin_token()).status == 201
    id = running.request("POST", "/api/v1/collections/users/records", BEN).body["id"]
    me, own = "/api/v1/auth/users/me", f"/api/v1/collections/users/records/{id}"
    with browsing(running.url) as watched:
        page = watched.page

        def ask(method: str, path: str, body: Any = None, headers: Any = None) -> Any:
            return page.evaluate(ASK, [method, running.url + path, headers or {}, body])

        page.goto(named)
        signing = {"identity": BEN["email"], "password": BEN["password"], "mode": "cookie"}
        status, signed, *_ = ask("POST", "/api/v1/auth/users/sign-in", signing)
        assert (status, signed["account"]["id"]) == (201, id)
        status, found, _, limits = ask("GET", me)
        assert (status, found["id"], limits.startswith('"requests"')) == (200, id, True)
        assert ask("GET", own)[2] is not None
        assert ask("PATCH", own, {"name": "Ben"})[1]["code"] == "csrf_refused"
        assert ask("PATCH", own, {"name": "Ben"}, {"X-CSRF-Token": signed["csrf_token"]})[1]["name"] == "Ben"
        # It reads errors too, of paths that are not there as well.
        assert ask("PATCH", "/api/v1/nothing", {})[1]["code"] == "not_found"
        assert ask("DELETE", "/api/v1/capabilities")[1]["code"] == "method_not_allowed"

        # The same page by another name: another origin, which nobody named. Its requests are refused, or their answers kept from it.
        page.goto(f"http://localhost:{elsewhere}")
        token = {"Authorization": "Bearer x"}
        for refused in (ask("GET", me), ask("POST", "/api/v1/auth/users/sign-in", signing), ask("GET", "/livez", None, token)):
            assert refused[0] == 0
        assert running.request("GET", own, token=_token(running)).body["name"] == "Ben"


def _token(running: Server) -> str:
    signing = {"identity": BEN["email"], "password": BEN["password"]}
    token: str = running.request("POST", "/api/v1/auth/users/sign-in", signing).body["access_token"]
    return token
