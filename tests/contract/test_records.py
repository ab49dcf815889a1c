"""Records under their rules, told over the whole backend, on every database alike."""

import pytest

from app.testing import backend as make_backend
from domain.actor import GUEST, Actor
from domain.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, Unauthenticated
from domain.records.changes import IfMatch
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

FACTS = RequestFacts(method="GET", query={}, headers={})
ADMIN = Actor("system")

POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "required": True, "max": 200},
        {"name": "views", "type": "integer", "default": 0, "min": 0, "max": 1000},
        {"name": "price", "type": "decimal", "scale": 2},
        {"name": "status", "type": "select", "values": ["draft", "live"], "default": "draft"},
        {"name": "author", "type": "relation", "collection": "users", "on_delete": "cascade"},
        {"name": "slug", "type": "text", "unique": True},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "meta", "type": "json"},
    ],
    "rules": {
        "list": "status = 'live' || author = @request.auth.id",
        "view": "status = 'live' || author = @request.auth.id",
        "create": "@request.auth.id != '' && author = @request.auth.id",
        "update": "author = @request.auth.id",
        "delete": None,
    },
}
USERS = {
    "name": "users",
    "type": "accounts",
    "fields": [{"name": "name", "type": "text"}],
    "rules": {"list": "", "view": "", "create": "", "update": "id = @request.auth.id"},
}


@pytest.fixture
def backend(database_url):
    with make_backend(database=database_url) as made:
        made.collections.create(USERS, actor=ADMIN)
        made.collections.create(POSTS, actor=ADMIN)
        yield made


def sign_up(backend, name):
    body = {"email": f"{name}@example.org", "password": "correct horse", "name": name}
    shown = backend.records.create("users", body, actor=GUEST, facts=FACTS)
    return Actor("account", shown.id, "users", 1)


@pytest.fixture
def ann(backend):
    return sign_up(backend, "ann")


@pytest.fixture
def bob(backend):
    return sign_up(backend, "bob")


def create(backend, actor, **values):
    body = {"title": "Hello", "author": actor.id or None, **values}
    return backend.records.create("posts", body, actor=actor, facts=FACTS).as_object()


def change(backend, actor, id, body, if_match=None):
    return backend.records.update("posts", id, body, actor=actor, facts=FACTS, if_match=if_match).as_object()


def get(backend, actor, id, **options):
    return backend.records.get("posts", id, actor=actor, facts=FACTS, **options).as_object()


def page(backend, actor, **query):
    return backend.records.list("posts", ListQuery(**query), actor=actor, facts=FACTS).as_object()


def titles(backend, actor, **query):
    return [item["title"] for item in page(backend, actor, **query)["items"]]


def test_a_created_record_is_answered_with_defaults_and_without_hidden_fields(backend, ann):
    made = create(backend, ann, price="12.5", meta={"a": [1]})
    assert made["version"] == 1
    assert (made["views"], made["price"], made["status"], made["meta"]) == (0, "12.50", "draft", {"a": [1]})
    assert "secret" not in made


def test_a_draft_of_somebody_else_is_not_there(backend, ann, bob):
    made = create(backend, ann)
    assert get(backend, ann, made["id"])["title"] == "Hello"
    for stranger in (bob, GUEST):
        with pytest.raises(NotFound):
            get(backend, stranger, made["id"])
        assert titles(backend, stranger) == []
        assert page(backend, stranger, count=True)["total"] == 0


def test_a_guest_owns_nothing_not_even_what_nobody_owns(backend):
    orphan = create(backend, ADMIN, author=None)
    with pytest.raises(NotFound):
        change(backend, GUEST, orphan["id"], {"title": "mine"})


def test_nobody_creates_in_the_name_of_another(backend, ann, bob):
    with pytest.raises(Forbidden):
        create(backend, ann, author=bob.id)
    with pytest.raises(Forbidden):
        create(backend, GUEST)
    assert titles(backend, ADMIN) == []


def test_who_may_create_nothing_is_not_told_what_a_record_needs(backend):
    with pytest.raises(Forbidden):
        backend.records.create("posts", {"tittle": 1}, actor=GUEST, facts=FACTS)


def test_a_refused_create_does_not_tell_which_values_are_taken(backend, ann, bob):
    create(backend, ann, slug="taken")
    with pytest.raises(Conflict) as refused:
        create(backend, bob, slug="taken")
    assert refused.value.faults[0].pointer == "/slug"
    with pytest.raises(Forbidden):
        create(backend, bob, slug="taken", author=ann.id)


def test_a_change_touches_only_what_it_names(backend, ann):
    made = create(backend, ann, price="1.00")
    after = change(backend, ann, made["id"], {"title": "Hi", "views+": 3})
    assert (after["title"], after["views"], after["price"], after["version"]) == ("Hi", 3, "1.00", 2)


def test_an_increment_keeps_the_limits_and_adds_decimals_exactly(backend, ann):
    made = create(backend, ann, price="0.10", views=999)
    assert change(backend, ann, made["id"], {"price+": "0.20"})["price"] == "0.30"
    with pytest.raises(Invalid) as refused:
        change(backend, ann, made["id"], {"views+": 2})
    assert refused.value.code == "out_of_range"
    assert refused.value.faults[0].pointer == "/views+"
    assert get(backend, ann, made["id"])["views"] == 999


def test_if_match_lets_only_the_named_version_change(backend, ann):
    made = create(backend, ann)
    change(backend, ann, made["id"], {"title": "two"}, if_match=(IfMatch(1, made["created"]),))
    with pytest.raises(PreconditionFailed):
        change(backend, ann, made["id"], {"title": "three"}, if_match=(IfMatch(1, made["created"]),))
    with pytest.raises(PreconditionFailed):
        change(backend, ann, made["id"], {"title": "three"}, if_match=(IfMatch(2, "2020-01-01T00:00:00.000Z"),))
    assert get(backend, ann, made["id"])["title"] == "two"


def test_a_stranger_learns_nothing_from_if_match(backend, ann, bob):
    made = create(backend, ann)
    with pytest.raises(NotFound):
        change(backend, bob, made["id"], {"title": "x"}, if_match=(IfMatch(7),))


def test_an_action_for_admins_only_is_refused_by_who_asks(backend, ann):
    made = create(backend, ann)
    with pytest.raises(Forbidden):
        backend.records.delete("posts", made["id"], actor=ann, facts=FACTS)
    with pytest.raises(Unauthenticated):
        backend.records.delete("posts", made["id"], actor=GUEST, facts=FACTS)
    backend.records.delete("posts", made["id"], actor=ADMIN, facts=FACTS)
    with pytest.raises(NotFound):
        get(backend, ann, made["id"])


def test_a_collection_closed_in_every_way_is_as_unknown(backend, ann):
    backend.collections.create({"name": "private", "fields": []}, actor=ADMIN)
    said = set()
    for name in ("private", "no_such", "_admins", "_meta", "sqlite_master"):
        with pytest.raises(NotFound) as refused:
            backend.records.list(name, ListQuery(), actor=ann, facts=FACTS)
        said.add((refused.value.code, refused.value.detail, refused.value.hint))
    assert len(said) == 1


def test_a_filter_is_joined_with_the_list_rule(backend, ann, bob):
    create(backend, ann, title="a", status="live", views=5)
    create(backend, ann, title="b", views=9)
    create(backend, bob, title="c", status="live", views=1)
    assert titles(backend, bob, filter="views > 0 || views = 0", sort="title") == ["a", "c"]
    assert titles(backend, ann, filter="views >= 5", sort="-views") == ["b", "a"]
    assert titles(backend, GUEST, filter="author.name = 'ann'") == ["a"]


@pytest.mark.parametrize(
    "filter", ["secret ~ 's'", "(secret != '')", "!(secret = 'a')", "secret:lower = 'x'", "title = 'a' || secret = 'b'"]
)
def test_a_hidden_field_in_a_filter_is_answered_as_an_unknown_one(backend, ann, filter):
    with pytest.raises(Invalid) as hidden:
        page(backend, ann, filter=filter)
    with pytest.raises(Invalid) as unknown:
        page(backend, ann, filter=filter.replace("secret", "zzzzzz"))
    assert hidden.value.code == unknown.value.code
    assert hidden.value.detail.replace("secret", "zzzzzz") == unknown.value.detail


@pytest.mark.parametrize(
    "sort", ["secret", "-secret", "author.email", "rowid", "id;drop", "author.secret", "_password"]
)
def test_nothing_hidden_is_sorted_by(backend, ann, sort):
    with pytest.raises(Invalid):
        page(backend, ann, sort=sort)


def test_an_email_address_is_seen_by_its_owner_and_admins_only(backend, ann, bob):
    def email_of(viewer):
        return backend.records.get("users", ann.id, actor=viewer, facts=FACTS).as_object()["email"]

    assert [email_of(viewer) for viewer in (ann, bob, GUEST, ADMIN)] == [
        "ann@example.org",
        None,
        None,
        "ann@example.org",
    ]
    for query in ({"filter": "email ~ 'ann'"}, {"sort": "email"}):
        with pytest.raises(Invalid):
            backend.records.list("users", ListQuery(**query), actor=bob, facts=FACTS)
    listed = backend.records.list("users", ListQuery(sort="name"), actor=bob, facts=FACTS).as_object()["items"]
    assert [item["email"] for item in listed] == [None, "bob@example.org"]


def test_expand_shows_what_the_view_rule_of_the_target_lets_through(backend, ann, bob):
    made = create(backend, ann, status="live")
    expanded = get(backend, bob, made["id"], expand="author")["expand"]["author"]
    assert (expanded["name"], expanded["email"]) == ("ann", None)
    backend.collections.change("users", {"rules": {"view": "id = @request.auth.id"}}, actor=ADMIN)
    assert get(backend, bob, made["id"], expand="author")["expand"] == {}
    assert get(backend, ann, made["id"], expand="author")["expand"]["author"]["email"] == "ann@example.org"
    assert page(backend, ann, expand="author")["items"][0]["expand"]["author"]["name"] == "ann"


def test_walking_by_cursor_meets_every_record_once(backend, ann):
    for at in range(25):
        create(backend, ann, title=f"t{at}", views=at % 4, price=None if at % 3 else "1.50")
    for sort in ("", "views", "-views,title", "price,-views", "-price", "author.name,title"):
        seen, cursor = [], None
        while True:
            got = page(backend, ann, sort=sort, limit=4, cursor=cursor, count=True)
            assert got["total"] == 25
            seen += [item["id"] for item in got["items"]]
            cursor = got["next"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 25
        assert seen == [item["id"] for item in page(backend, ann, sort=sort, limit=100)["items"]]


def test_a_cursor_is_good_for_its_own_list_only(backend, ann):
    for at in range(3):
        create(backend, ann, title=f"t{at}")
    cursor = page(backend, ann, sort="title", limit=1)["next"]
    for query in ({"sort": "-title"}, {"sort": "title", "filter": "views = 0"}):
        with pytest.raises(Invalid) as refused:
            page(backend, ann, cursor=cursor, **query)
        assert refused.value.code == "cursor_of_another_list"
    for broken in ("", "AAAA", "....", cursor[:-4], "W10", "é"):
        with pytest.raises(Invalid):
            page(backend, ann, sort="title", cursor=broken)


def test_deleting_an_account_takes_what_cascades_with_it(backend, ann, bob):
    made = create(backend, ann)
    backend.records.delete("users", ann.id, actor=ADMIN, facts=FACTS)
    with pytest.raises(NotFound):
        get(backend, ADMIN, made["id"])
    with pytest.raises(Unauthenticated):
        get(backend, ann, made["id"])


def test_a_restricting_relation_stands_in_the_way_and_a_clearing_one_lets_go(backend, ann):
    fields = [
        {"name": "post", "type": "relation", "collection": "posts", "on_delete": "restrict"},
        {"name": "liked", "type": "relation", "collection": "posts", "on_delete": "clear"},
    ]
    backend.collections.create({"name": "notes", "fields": fields}, actor=ADMIN)
    held, liked = create(backend, ann), create(backend, ann)
    note = backend.records.create("notes", {"post": held["id"], "liked": liked["id"]}, actor=ADMIN, facts=FACTS)
    with pytest.raises(Conflict) as refused:
        backend.records.delete("posts", held["id"], actor=ADMIN, facts=FACTS)
    assert refused.value.code == "restricted"
    with pytest.raises(Conflict):
        backend.records.delete("users", ann.id, actor=ADMIN, facts=FACTS)
    assert len(titles(backend, ADMIN)) == 2
    backend.records.delete("posts", liked["id"], actor=ADMIN, facts=FACTS)
    left = backend.records.get("notes", note.id, actor=ADMIN, facts=FACTS).as_object()
    assert (left["liked"], left["post"], left["version"]) == (None, held["id"], 2)


def test_a_relation_to_nothing_is_refused_at_its_place(backend, ann):
    with pytest.raises(Invalid) as refused:
        backend.records.create("posts", {"title": "x", "author": "nobody"}, actor=ADMIN, facts=FACTS)
    assert (refused.value.code, refused.value.faults[0].pointer) == ("no_such_record", "/author")
    assert refused.value.detail == "`author`: there is no such record in `users`"
    made = create(backend, ann)
    with pytest.raises(Invalid) as refused:
        change(backend, ADMIN, made["id"], {"author": "nobody"})
    assert (refused.value.code, refused.value.faults[0].pointer) == ("no_such_record", "/author")


def test_checks_bind_what_is_written(backend, ann):
    checks = [
        {"name": "cheap", "rule": "price <= 100", "message": "too dear"},
        {"name": "own", "rule": "author = @request.auth.id", "message": "not yours to give"},
    ]
    backend.collections.change("posts", {"checks": checks}, actor=ADMIN)
    made = create(backend, ann, price="99.99")
    with pytest.raises(Invalid) as refused:
        change(backend, ann, made["id"], {"price+": "0.02"})
    assert (refused.value.code, refused.value.faults[0].code) == ("check_failed", "cheap")
    with pytest.raises(Invalid) as refused:
        change(backend, ann, made["id"], {"author": None})
    assert refused.value.faults[0].code == "own"
    assert get(backend, ann, made["id"])["version"] == 1
    assert change(backend, ADMIN, made["id"], {"author": None})["author"] is None


def test_what_the_writer_may_no_longer_see_is_answered_by_id_and_version(backend, ann, bob):
    made = create(backend, ann)
    assert change(backend, ann, made["id"], {"author": bob.id}) == {"id": made["id"], "version": 2}


def test_rules_follow_the_account_of_the_actor(backend, ann, bob):
    fields = [{"name": "note", "type": "text"}, {"name": "for_name", "type": "text"}]
    rules = {
        "list": "for_name = @request.auth.name",
        "view": "",
        "create": "@request.body.for_name = @request.auth.name",
    }
    backend.collections.create({"name": "letters", "fields": fields, "rules": rules}, actor=ADMIN)
    backend.records.create("letters", {"note": "hi", "for_name": "ann"}, actor=ann, facts=FACTS)
    with pytest.raises(Forbidden):
        backend.records.create("letters", {"note": "hi", "for_name": "ann"}, actor=bob, facts=FACTS)
    seen = {
        who.id: len(backend.records.list("letters", ListQuery(), actor=who, facts=FACTS).rows) for who in (ann, bob)
    }
    assert seen == {ann.id: 1, bob.id: 0}


def test_a_create_rule_may_ask_other_records(backend, ann, bob):
    fields = [{"name": "post", "type": "relation", "collection": "posts"}, {"name": "text", "type": "text"}]
    rules = {"list": "", "view": "", "create": "post.author = @request.auth.id && post.status = 'live'"}
    backend.collections.create({"name": "pins", "fields": fields, "rules": rules}, actor=ADMIN)
    live, hidden = create(backend, ann, status="live"), create(backend, ann)
    backend.records.create("pins", {"post": live["id"], "text": "x"}, actor=ann, facts=FACTS)
    for actor, post in ((bob, live), (ann, hidden), (GUEST, live)):
        with pytest.raises(Forbidden):
            backend.records.create("pins", {"post": post["id"], "text": "x"}, actor=actor, facts=FACTS)


def test_an_update_rule_sees_what_is_asked_for(backend, ann):
    rules = {
        "update": "author = @request.auth.id && @request.body.status:isset = false && @request.body.title:changed = false"
    }
    backend.collections.change("posts", {"rules": rules}, actor=ADMIN)
    made = create(backend, ann)
    assert change(backend, ann, made["id"], {"views+": 1, "title": "Hello"})["views"] == 1
    for body in ({"status": "live"}, {"title": "Other"}):
        with pytest.raises(NotFound):
            change(backend, ann, made["id"], body)


def test_an_empty_change_changes_nothing(backend, ann, bob):
    made = create(backend, ann)
    assert change(backend, ann, made["id"], {}) == made
    with pytest.raises(PreconditionFailed):
        change(backend, ann, made["id"], {}, if_match=(IfMatch(7),))
    with pytest.raises(NotFound):
        change(backend, bob, made["id"], {})


@pytest.mark.parametrize("fields", ["title,nope", "secret", "title,,views", "_password"])
def test_unknown_names_in_fields_are_refused(backend, ann, fields):
    with pytest.raises(Invalid) as refused:
        page(backend, ann, fields=fields)
    assert refused.value.code == "unknown_field"


def test_fields_chooses_and_orders(backend, ann):
    made = create(backend, ann)
    assert get(backend, ann, made["id"], fields="title,id") == {"title": "Hello", "id": made["id"]}


def test_a_sign_up_through_a_process_that_does_not_know_the_collection_yet_keeps_its_password(database_url):
    if "memory" in database_url:
        pytest.skip("a database in memory has one process")
    with make_backend(database=database_url) as one, make_backend(database=database_url) as other:
        other.operations.ready()
        one.collections.create(USERS, actor=ADMIN)
        ann = sign_up(other, "ann")
        signed_in = one.accounts.sign_in("users", "ann@example.org", "correct horse", facts=FACTS)
        assert signed_in.account.id == ann.id


def test_sign_in_data_changes_only_with_the_present_password(backend, ann, bob):
    def patch(actor, **body):
        return backend.records.update("users", ann.id, body, actor=actor, facts=FACTS)

    for body in ({"password": "another horse"}, {"email": "new@example.org"}, {"password": "another horse", "old_password": "wrong horse"}):
        with pytest.raises(Invalid):
            patch(ann, **body)
    with pytest.raises(Forbidden):
        patch(bob, password="another horse", old_password="correct horse")
    with pytest.raises(Invalid):
        patch(ann, password="ann@example.org", old_password="correct horse")
    patch(ann, password="another horse", old_password="correct horse")
    backend.accounts.sign_in("users", "ann@example.org", "another horse", facts=FACTS)
    with pytest.raises(Unauthenticated):
        patch(ann, name="Ann")
    patch(ADMIN, password="a third horse")
    backend.accounts.sign_in("users", "ann@example.org", "a third horse", facts=FACTS)
    with pytest.raises(Unauthenticated):
        backend.accounts.sign_in("users", "ann@example.org", "another horse", facts=FACTS)


def test_rules_read_what_the_account_leads_to(backend, ann):
    teams = {"name": "teams", "fields": [{"name": "name", "type": "text"}, {"name": "meta", "type": "json"}]}
    backend.collections.create(teams, actor=ADMIN)
    fields = [*USERS["fields"], {"name": "team", "type": "relation", "collection": "teams"}]
    backend.collections.change("users", {"fields": fields}, actor=ADMIN)
    team = backend.records.create("teams", {"name": "blue", "meta": {"level": 3}}, actor=ADMIN, facts=FACTS)
    backend.records.update("users", ann.id, {"team": team.id}, actor=ADMIN, facts=FACTS)
    level = "@request.auth.team.meta.level"
    for rule, seen in (("name = @request.auth.team.name", 1), (f"{level} = 3", 1), (f"{level} = 4", 0)):
        backend.collections.change("teams", {"rules": {"list": rule}}, actor=ADMIN)
        assert len(backend.records.list("teams", ListQuery(), actor=ann, facts=FACTS).rows) == seen
        assert len(backend.records.list("teams", ListQuery(), actor=GUEST, facts=FACTS).rows) == 0


def test_a_view_rule_that_cannot_be_asked_hides_the_record_and_keeps_the_write(backend, ann):
    backend.collections.change("posts", {"rules": {"view": "title ~ @request.headers.x_look"}}, actor=ADMIN)
    facts = RequestFacts(method="POST", query={}, headers={"x_look": "a" * 300})
    made = backend.records.create("posts", {"title": "Hello", "author": ann.id}, actor=ann, facts=facts)
    assert made.as_object() == {"id": made.id, "version": 1}
    assert get(backend, ADMIN, made.id)["title"] == "Hello"
