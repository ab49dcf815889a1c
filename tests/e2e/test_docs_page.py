"""The documentation in a real browser: it works without a network, tells what its reader may know, and asks as them."""

import os
from collections.abc import Callable

from playwright.sync_api import Locator

from tests.browser import Watched, browsing
from tests.e2e.server import ADMIN, Server

POSTS = {
    "name": "posts",
    "fields": [{"name": "title", "type": "text", "required": True, "max": 50}, {"name": "secret", "type": "text", "hidden": True}],
    "rules": {"list": "", "view": "", "create": "@request.auth.id != ''"},
}
LEDGER = {"name": "ledger", "fields": [{"name": "sum", "type": "decimal", "scale": 2}]}
BEN = {"email": "ben@example.org", "password": "a horse, a battery"}


def test_reading_signing_in_and_trying_out(server: Callable[..., Server]) -> None:
    running = server(workers=1)
    token = running.admin_token()
    for definition in ({"name": "users", "type": "accounts", "rules": {"view": "id = @request.auth.id", "create": ""}}, POSTS, LEDGER):
        assert running.request("POST", "/api/v1/collections", definition, token).status == 201
    assert running.request("POST", "/api/v1/collections/users/records", BEN).status == 201
    with browsing(running.url) as watched:
        page = watched.page
        page.goto(f"{running.url}/api/v1/docs")
        page.locator("#operations-posts-list_posts").wait_for()
        assert page.locator("#operations-ledger-list_ledger").count() == 0
        assert page.locator("#sign-in select option").all_text_contents() == ["_admins", "users"]

        _sign_in(watched, "users", BEN)
        page.get_by_text("Signed in as ben@example.org of users").wait_for()
        made = _try_out(watched, "posts", "create_posts", body='{"title": "Hello from the page"}')
        assert "201" in made
        assert "Hello from the page" in made
        assert page.locator("#operations-ledger-list_ledger").count() == 0

        page.get_by_role("button", name="Sign out").click()
        _sign_in(watched, "_admins", {**ADMIN, "password": "not this one"})
        page.get_by_text("Not signed in: no account has this identity and password.").wait_for()
        assert [each for each in watched.complaints if "401" not in each] == []  # the browser's own word on the refusal
        watched.complaints.clear()
        _sign_in(watched, "_admins", ADMIN)
        _reach(watched, "#operations-ledger-list_ledger")
        listed = _try_out(watched, "posts", "list_posts")
        assert "Hello from the page" in listed
        assert "secret" in listed
        if "SCREENSHOT" in os.environ:
            page.screenshot(path=os.environ["SCREENSHOT"])
        assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length + document.cookie.length") == 0
    assert watched.foreign == []
    assert watched.complaints == []


def _sign_in(watched: Watched, collection: str, account: dict[str, str]) -> None:
    form = watched.page.locator("#sign-in")
    form.get_by_label("Accounts of").select_option(collection)
    form.get_by_label("E-mail").fill(account["email"])
    form.get_by_label("Password").fill(account["password"])
    form.get_by_role("button", name="Sign in").click()


def _reach(watched: Watched, selector: str) -> Locator:
    """Of a long document the page holds only what is near the window: it is scrolled through until the block is there."""
    found = watched.page.locator(selector)
    for _ in range(100):
        if found.count():
            break
        watched.page.mouse.wheel(0, 600)
        watched.page.wait_for_timeout(100)
    found.wait_for()
    return found


def _try_out(watched: Watched, tag: str, operation: str, body: str | None = None) -> str:
    """The text of the answer that Swagger UI shows."""
    block = _reach(watched, f"#operations-{tag}-{operation}")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    if body is not None:
        block.locator("textarea.body-param__text").fill(body)
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table")
    answer.wait_for()
    return str(answer.inner_text())
