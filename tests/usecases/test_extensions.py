"""What extensions declare besides hooks: found, checked, served as our own is."""

import time
from dataclasses import dataclass, field
from decimal import Decimal

import marshmallow as ma
import pytest

from app import discover
from app.premises import StartRefused
from app.settings import Settings, SettingsError
from app.testing import backend, client
from domain.schema.collection import Collection
from stillroom import SYSTEM, Extension, Forbidden
from tests.usecases.test_accounts import ANN, FACTS, PASSWORD, USERS, sign_up

HEAD = 'from stillroom import Extension\nx = Extension("x")\n'


# --- finding them


def load(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return discover.load([str(folder)])


def test_files_are_loaded_by_name_and_modules_as_they_are_named(tmp_path, monkeypatch):
    (tmp_path / "acme_blog.py").write_text('from stillroom import Extension\nblog = again = Extension("acme")\n')
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "more"
    folder.mkdir()
    load(folder, b=HEAD.replace('"x"', '"b"'), a=HEAD.replace('"x"', '"a"'), _no="1/0")
    assert [each.name for each in discover.load([str(folder), "acme_blog"])] == ["a", "b", "acme"]
    assert [each.name for each in discover.load(["acme_blog", str(folder)])] == ["acme", "a", "b"]


def test_without_the_default_folder_there_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert discover.load(Settings().extensions) == ()
    with pytest.raises(StartRefused, match=r"no folder \./elsewhere"):
        discover.load(["./elsewhere"])


@pytest.mark.parametrize(
    "text, told",
    [
        (HEAD + 'x.after("records.crate")(print)\n', "line 3: ValueError: there is no event `records.crate`; did you mean"),
        ("\nimport nothing_of_this_name\n", "line 2: ModuleNotFoundError"),
        ("def broken(:\n", "line 1: invalid syntax"),
        ("x = 1\n", "declares no extension"),
        (HEAD + 'x.get("posts")(print)\n', "a path is like"),
        (HEAD + 'x.get("/a")(print)\nx.get("/a")(print)\n', "line 4: ValueError: there are two routes"),
        (HEAD + 'x.post("/a", body=int)(lambda call: None)\n', "line 3: a body is a dataclass"),
        (HEAD + 'x.setting("size", list, [])\n', "a setting is str, int"),
        (HEAD + 'x.job("digest", every="1 day", cron="0 0 * * *")(print)\n', "not by both"),
        (HEAD + 'x.command("greet")(print)\nx.command("greet")(len)\n', "there are two commands `greet`"),
        (HEAD + 'y = Extension("x")\n', "two extensions `x`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, told):
    with pytest.raises(StartRefused) as refused:
        load(tmp_path, wrong=text)
    assert told in str(refused.value)


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(StartRefused, match=r"nothing_of_this_name is not loaded: ModuleNotFoundError"):
        discover.load(["nothing_of_this_name"])


def test_a_collection_is_probably_misspelt_or_not_there_yet():
    blog = Extension("blog")
    blog.before("records.create", "posst")(lambda change, backend: None)
    posts = Collection("c1", "posts", "base")
    with pytest.raises(StartRefused, match="no collection `posst`; did you mean `posts`"):
        discover.check_names([blog], [posts])
    (warning,) = discover.check_names([blog], [])
    assert "no collection `posst` yet" in warning


# --- settings


def test_settings_come_from_the_environment():
    blog = Extension("blog")
    kinds = {"text": str, "size": int, "share": float, "price": Decimal, "loud": bool}
    made = {name: blog.setting(name, kind, kind()) for name, kind in kinds.items()}
    given = {"TEXT": "a b", "SIZE": "7", "SHARE": "0.5", "PRICE": "1.50", "LOUD": "True"}
    environ = Settings.from_environment({f"STILLROOM_EXT_BLOG_{name}": text for name, text in given.items()}).of_extensions
    with backend(extensions=[blog], settings=environ):
        assert [each.value for each in made.values()] == ["a b", 7, 0.5, Decimal("1.50"), True]
    with backend(extensions=[blog]):
        assert [each.value for each in made.values()] == ["", 0, 0.0, Decimal(0), False]


def test_all_mistakes_in_settings_are_told_without_their_values():
    blog = Extension("blog")
    for name, kind in (("size", int), ("loud", bool), ("price", Decimal)):
        blog.setting(name, kind, kind())
    wrong = {"STILLROOM_EXT_BLOG_SIZE": "hunter2", "STILLROOM_EXT_BLOG_LOUD": "hunter2", "STILLROOM_EXT_BLOG_PRICE": "hunter2"}
    with pytest.raises(SettingsError) as refused:
        backend(extensions=[blog], settings={**wrong, "STILLROOM_EXT_BLOG_SIZ": "hunter2"})
    assert refused.value.mistakes == (
        "STILLROOM_EXT_BLOG_LOUD is true or false",
        "STILLROOM_EXT_BLOG_PRICE is a decimal number",
        "STILLROOM_EXT_BLOG_SIZ is no setting of an extension; did you mean `STILLROOM_EXT_BLOG_SIZE`?",
        "STILLROOM_EXT_BLOG_SIZE is a whole number",
    )


# --- routes


@dataclass
class Line:
    sku: str
    amount: int = 1


@dataclass
class Order:
    lines: list[Line]
    price: Decimal | None = None
    gift: bool = False
    words: list[str] = field(default_factory=list)


class Wish(ma.Schema):
    what = ma.fields.String(required=True)


@pytest.fixture(scope="module")
def shop():
    shop = Extension("shop")

    @shop.post("/orders", body=Order)
    def order(call):
        """Order something"""
        return {"first": call.body.lines[0].sku, "price": str(call.body.price), "sent": call.json}, 201

    @shop.patch("/wishes/<id>", body=Wish, public=False)
    def wish(call, id):
        return {"id": id, "what": call.body["what"]}

    @shop.post("/anything")
    def anything(call):
        return call.json

    @shop.get("/me", query=("loud",))
    def me(call):
        if call.actor.is_guest:
            raise Forbidden("members only", code="members_only", hint="sign in")
        return {"id": call.actor.id, "query": call.query}

    @shop.delete("/me")
    def nothing(call): ...

    @shop.get("/broken")
    def broken(call):
        raise KeyError("hunter2")

    with backend(extensions=[shop]) as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        yield room, client(room)


def asked(shop, method, path, json=None, **headers):
    answer = shop[1].open(f"/api/v1/ext/shop{path}", method=method, json=json, headers=headers)
    return answer.status_code, answer.get_json(silent=True)


def test_a_body_is_what_was_declared(shop):
    sent = {"lines": [{"sku": "a"}], "price": "1.50"}
    assert asked(shop, "POST", "/orders", sent) == (201, {"first": "a", "price": "1.50", "sent": sent})
    assert asked(shop, "PATCH", "/wishes/7", {"what": "peace"}) == (200, {"id": "7", "what": "peace"})
    assert asked(shop, "POST", "/anything", {"a": [1]}) == (200, {"a": [1]})
    assert asked(shop, "DELETE", "/me") == (204, None)


@pytest.mark.parametrize(
    "path, body, faults",
    [
        ("/orders", {}, {("/lines", "missing")}),
        ("/orders", {"lines": [{"skv": "a"}]}, {("/lines/0/sku", "missing"), ("/lines/0/skv", "unknown_field")}),
        ("/orders", {"lines": [{"sku": "a", "amount": "2"}]}, {("/lines/0/amount", "invalid")}),
        ("/orders", {"lines": [{"sku": "a", "amount": 1.0}]}, {("/lines/0/amount", "invalid")}),
        ("/orders", {"lines": [], "gift": 1}, {("/gift", "invalid")}),
        ("/orders", {"lines": [], "price": 1.5}, {("/price", "invalid")}),
        ("/orders", {"lines": None, "words": [1]}, {("/lines", "invalid"), ("/words/0", "invalid")}),
        ("/orders", [], {("", "not_an_object")}),
    ],
)
def test_what_does_not_fit_is_refused_by_pointer(shop, path, body, faults):
    status, problem = asked(shop, "POST", path, body)
    assert status == 400
    assert {(each["pointer"], each["code"]) for each in problem["errors"]} == faults


def test_routes_refuse_as_ours_do(shop):
    assert asked(shop, "GET", "/me")[1]["code"] == "members_only"
    assert asked(shop, "GET", "/me?lod=1")[1]["hint"] == "did you mean `loud`?"
    assert asked(shop, "GET", "/nowhere")[0] == 404
    assert asked(shop, "PUT", "/me")[0] == 405
    assert asked(shop, "POST", "/anything", {}, **{"Idempotency-Key": "k"})[1]["code"] == "idempotency_key_not_taken"
    assert asked(shop, "GET", "/me", Authorization="Bearer x")[0] == 401
    status, problem = asked(shop, "GET", "/broken")
    assert (status, problem["code"], "hunter2" in str(problem)) == (500, "internal_error", False)
    long = shop[1].post("/api/v1/ext/shop/anything", data=b'{"a": "' + b"x" * 2**20 + b'"}', content_type="application/json")
    assert long.status_code == 413
    assert "nosniff" in shop[1].get("/api/v1/ext/shop/me").headers["X-Content-Type-Options"]


def test_a_session_that_ended_is_refused_though_the_route_asks_nothing(shop):
    signed = shop[0].accounts.sign_in("users", ANN, PASSWORD, facts=FACTS)
    bearer = {"Authorization": f"Bearer {signed.access_token}"}
    assert asked(shop, "GET", "/me?loud=1", **bearer) == (200, {"id": signed.account.id, "query": {"loud": "1"}})
    shop[0].sessions.sign_out("users", actor=shop[0].accounts.identify(signed.access_token))
    assert asked(shop, "GET", "/me", **bearer)[1]["code"] == "session_ended"


def test_routes_are_documented(shop):
    told = shop[1].get("/api/v1/openapi.json").get_json()
    order = told["paths"]["/api/v1/ext/shop/orders"]["post"]
    assert (order["operationId"], order["summary"]) == ("ext_shop_order", "Order something")
    assert order["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Order"}
    assert told["components"]["schemas"]["Order"]["required"] == ["lines"]
    assert "/api/v1/ext/shop/wishes/{id}" not in told["paths"], "for admins only"


def test_a_route_is_limited_by_its_name(shop):
    with backend(extensions=shop[0].extensions, limits="ext_shop_anything=2/minute") as room:
        web = client(room, Settings.from_environment({"STILLROOM_LIMITS": "ext_shop_anything=2/minute"}))
        assert [web.post("/api/v1/ext/shop/anything", json={}).status_code for _ in range(3)] == [200, 200, 429]


# --- the price of none


@pytest.mark.long
def test_hooks_that_are_not_there_cost_nothing_that_can_be_measured():
    """Asked twice a create: what a thousand askings take, beside a thousand creates."""
    with backend() as room:
        room.collections.create({"name": "posts", "fields": [{"name": "title", "type": "text"}]}, actor=SYSTEM)
        took = [time.process_time()]
        for at in range(1000):
            room.records.create("posts", {"title": str(at)}, actor=SYSTEM, facts=FACTS)
        took.append(time.process_time())
        room.work.run(lambda stores: [stores.hooks.any_of("records.create", "posts") for _ in range(1000)])
        took.append(time.process_time())
    assert (took[2] - took[1]) / (took[1] - took[0]) < 0.02
