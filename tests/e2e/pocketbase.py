"""A real PocketBase, filled over its API with every type of field, rules, relations and accounts; for tests of moving from there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.pocketbase import COLLECTIONS, first_admin, pocketbase
from bench.servers import Server

PASSWORD = "a still tongue keeps a wise head"
# Our own hashes are made of another form of this text: NFKC.
WIDE_PASSWORD = "Ｆｕｌｌ ｗｉｄｔｈ ﬁne"
STAMPS: list[dict[str, Any]] = [
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
# Filters that are asked of `posts` on both sides; their words are those of here after `in_our_words`.
FILTERS = (
    "", "title = 'Tea'", "title = ''", "title != ''", "title ~ 'e'", "views = 0", "views > 1 && views <= 9", "score != 0", "live = true",
    "live = false", "status = 'draft' || status = ''", "labels:each ?= 'red'", "labels:each != 'red'", "labels:length > 1", "author != ''",
    "author.firstName = 'Ann'", "tags.id ?= 'tag000000000001'", "tags.name ?= 'one'", "tags:length = 0",
    "parent.title = 'Tea'", "meta.level > 1",
    "day > '2026-01-01 00:00:00.000Z'", "day = ''", "link ~ 'example.org'", "place.lat > 1", "id = 'post00000000001'",
    "tags.name = 'one'", "tags.name != 'one'", "tags.name ~ 'o'", "tags.name ?~ 'w'", "author.posts_via_author.title ?= 'Sage'",
    "author.posts_via_author.views > 5", "labels !~ 'red'", "labels:each ~ 'r'", "title ~ 'T%'", "title !~ 'e'",
    "created < @now", "strftime('%Y', day) = '2026'", "geoDistance(place.lon, place.lat, 13.4, 52.5) < 5", "title:lower = 'tea'",
    "parent != '' && parent.labels:each ?= 'red'",
    "title = null", "author.verified = true", "views ?> 1", "tags.name ?= 'one' && views > 1",
)  # fmt: skip
RULES = {
    "listRule": "live = true || author = @request.auth.id || @request.auth.id != ''",
    "viewRule": "",
    "createRule": "@request.auth.id != '' && author = @request.auth.id",
    "updateRule": "author.firstName = 'Ann' && @request.body.title:isset = false",
    "deleteRule": "author = @request.auth.id",
}


class Filled:
    """`folder` is the data folder, `found` the ids of posts that each filter finds there, `users` ids by name."""

    def __init__(self, folder: Path, found: Mapping[str, list[str]], users: Mapping[str, str]) -> None:
        self.folder, self.found, self.users = folder, found, users


def filled(room: Path) -> Filled:
    with pocketbase(room) as server:
        server.start()
        admin = first_admin(server)
        users = _accounts(server, admin)
        _collections(server, admin)
        _records(server, admin, users)
        found = {text: _found(server, admin, text) for text in FILTERS}
    return Filled(room / "data", found, users)


def _accounts(server: Server, admin: str) -> dict[str, str]:
    """The collection `users` is there from the start."""
    users = server.api.expect(200, "GET", f"{COLLECTIONS}/users", token=admin)
    fields = [*users["fields"], {"name": "firstName", "type": "text"}]
    rules = {"listRule": "", "viewRule": "", "authRule": "verified = true", "manageRule": None}
    server.api.expect(200, "PATCH", f"{COLLECTIONS}/users", {"fields": fields, **rules}, token=admin)
    made = {}
    for name, verified, visible in (("Ann", True, True), ("Bob", True, False), ("Cid", False, False), ("Dee", True, False)):
        password = WIDE_PASSWORD if name == "Dee" else PASSWORD
        body = {"email": f"{name}@Example.org", "password": password, "passwordConfirm": password, "firstName": name,
                "verified": verified, "emailVisibility": visible}  # fmt: skip
        made[name] = server.api.expect(200, "POST", f"{COLLECTIONS}/users/records", body, token=admin)["id"]
    return made


def _collections(server: Server, admin: str) -> None:
    tags = _made(server, admin, {"name": "Tags", "fields": [{"name": "name", "type": "text", "required": True}], "listRule": ""})
    users = server.api.expect(200, "GET", f"{COLLECTIONS}/users", token=admin)["id"]
    posts = _made(server, admin, {"name": "posts", "fields": [
        {"name": "title", "type": "text", "max": 50, "pattern": "^[A-Z]"}, {"name": "body", "type": "editor"},
        {"name": "views", "type": "number", "onlyInt": True, "min": 0}, {"name": "score", "type": "number"},
        {"name": "live", "type": "bool"}, {"name": "contact", "type": "email"}, {"name": "link", "type": "url"},
        {"name": "day", "type": "date"}, {"name": "status", "type": "select", "values": ["draft", "done"], "maxSelect": 1},
        {"name": "labels", "type": "select", "values": ["red", "green", "blue"], "maxSelect": 3},
        {"name": "meta", "type": "json"}, {"name": "papers", "type": "file", "maxSelect": 3},
        {"name": "author", "type": "relation", "collectionId": users, "maxSelect": 1, "cascadeDelete": True},
        {"name": "tags", "type": "relation", "collectionId": tags, "maxSelect": 5},
        {"name": "place", "type": "geoPoint"}, {"name": "secretKey", "type": "text", "hidden": True},
        {"name": "stamped", "type": "autodate", "onCreate": True}, {"name": "version", "type": "text"},
    ], "indexes": [
        "CREATE UNIQUE INDEX idx_posts_title ON posts (`title`) WHERE `title` != ''",
        "CREATE INDEX idx_posts_views ON posts (views, created DESC)",
        "CREATE INDEX idx_posts_draft ON posts (day) WHERE status = 'draft'",
        "CREATE INDEX idx_posts_lower ON posts (lower(title))",
    ]})  # fmt: skip
    own = server.api.expect(200, "GET", f"{COLLECTIONS}/posts", token=admin)
    fields = [*own["fields"], {"name": "parent", "type": "relation", "collectionId": posts, "maxSelect": 1}]
    server.api.expect(200, "PATCH", f"{COLLECTIONS}/posts", {"fields": fields, **RULES}, token=admin)
    _made(server, admin, {"name": "notes", "fields": [{"name": "post", "type": "relation", "collectionId": posts, "maxSelect": 1}],
                          "listRule": "@request.auth.collectionId = 'x'", "viewRule": "post.title ~ @request.auth.firstName",
                          "createRule": "post.author.firstName ~ 'n' && post.labels ~ 'red'",
                          "updateRule": "post.tags ?= 'tag000000000001'", "deleteRule": "post.views ~ '3'"})  # fmt: skip
    _made(server, admin, {"name": "summary", "type": "view", "viewQuery": "SELECT id, title FROM posts"})


def _made(server: Server, admin: str, definition: dict[str, Any]) -> str:
    body = {"type": "base", **definition}
    if body["type"] == "base":
        body["fields"] = [*body["fields"], *STAMPS]
    made: str = server.api.expect(200, "POST", COLLECTIONS, body, token=admin)["id"]
    return made


def _records(server: Server, admin: str, users: Mapping[str, str]) -> None:
    def make(collection: str, **values: Any) -> None:
        server.api.expect(200, "POST", f"{COLLECTIONS}/{collection}/records", values, token=admin)

    for number, name in enumerate(("one", "two", "three"), 1):
        make("Tags", id=f"tag{number:012}", name=name)
    make("posts", id="post00000000001", title="Tea", body="<p>Hot <script>alert(1)</script>tea</p>", views=3, score=-1.5, live=True,
         contact="ann@example.org", link="https://example.org/tea", day="2026-11-22 13:00:00.123Z", status="draft",
         labels=["red", "blue"], meta={"level": 2, "x": [None, "é"]}, author=users["Ann"], tags=["tag000000000001", "tag000000000003"],
         place={"lon": 13.4, "lat": 52.5}, secretKey="s", version="v1")  # fmt: skip
    make("posts", id="post00000000002")
    make("posts", id="post00000000003", title="Sage", views=9, labels=["green"], author=users["Bob"], tags=["tag000000000002"],
         parent="post00000000001", meta=[], status="done", score=0.25)  # fmt: skip
    make("notes", id="note00000000001", post="post00000000003")


def _found(server: Server, admin: str, filter: str) -> list[str]:
    page = server.api.expect(200, "GET", f"{COLLECTIONS}/posts/records?sort=id&filter={quote(filter)}", token=admin)
    return [each["id"] for each in page["items"]]
