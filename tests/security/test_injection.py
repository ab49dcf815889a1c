"""Text that would be code elsewhere: in filters, sorts, names, ids, modifiers and definitions it is a value, or refused."""

import http.client
from urllib.parse import quote

import pytest

from tests.security.nasty import STRINGS
from tests.security.target import API, COLLECTIONS, OPEN, Seen, Target, keeps_promises

POSTS = f"{COLLECTIONS}/posts/records"

SQL = (
    "'", "''", '"', "`", "\\", ";", "--", "/*", "*/", "#", "' OR '1'='1", "' OR 1=1 --", "') OR ('1'='1", "1 OR 1=1",
    "1; DROP TABLE posts", "1 UNION SELECT 1",
    "' UNION SELECT _password FROM users --", "'; DROP TABLE posts; --", "(SELECT _password FROM users LIMIT 1)", "1 AND SLEEP(5)",
    "' AND pg_sleep(5) --",
    "' || (SELECT 1) || '", "sqlite_version()", "version()", "current_user", "load_extension('x')", "randomblob(1000000000)",
    "pg_read_file('/etc/passwd')",
    "1) OR 1=1 --", "id = 'x' UNION ALL SELECT * FROM users", "CASE WHEN 1=1 THEN 1 END", "CAST(1 AS TEXT)", "0x31", "x'41'", "E'\\x41'",
    "$1", ":p", "?", "%s",
    "%(p)s", "{0}", "{{7*7}}", "${7*7}", "ATTACH DATABASE 'x' AS y", "PRAGMA table_info(users)", "COPY users TO PROGRAM 'id'",
    "\u02bc OR 1=1", "\uff07 OR 1=1",
)  # fmt: skip
HIDDEN_NAMES = (
    "rowid", "oid", "_rowid_", "ctid", "xmin", "tableoid", "_password", "_epoch", "_key_email", "sqlite_master", "posts.rowid",
    "owner.rowid", "owner._password",
    "owner._epoch", "owner._key_email", "main.posts.id", "public.posts.id", "information_schema.tables", "posts.id", "*", "1", "count(*)",
    "random()", "id;drop",
    "id desc", "id DESC NULLS LAST", "id--", "id/**/", '"id"', "[id]", "`id`", "id\u0000", "Id", "ID", "ｉｄ", "іd",
)  # fmt: skip


def quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


@pytest.mark.parametrize("name", ["sort", "expand", "fields", "limit", "page", "count", "cursor"])
def test_no_parameter_is_code(target: Target, name: str) -> None:
    for text in (*SQL, *HIDDEN_NAMES):
        if (name, text) in (("limit", "1"), ("page", "1")):
            continue
        for by in ("", "bob", "admin"):
            seen = target.listed("posts", by, **{name: text})
            assert seen.status == 400, (name, text, seen)
            assert seen.body["errors"][0]["pointer"] in (name, ""), (name, text, seen.body)


def test_a_filter_is_no_code(target: Target) -> None:
    for text in (*SQL, *(f"{name} = 'x'" for name in HIDDEN_NAMES if name != "1")):
        for filter in (text, f"title = 'x' || {text}", f"title = 'x' && ({text}", f"title = {text}", f"{text} title = 'x'"):
            seen = target.listed("posts", "bob", filter=filter)
            if seen.status == 200:
                # What can be read as a comparison, or as the comment that `//` begins, is no more than that.
                assert seen.body["items"] == [] or text in ("''",), (filter, seen.body)
                continue
            assert seen.status == 400, (filter, seen)
            assert seen.body["errors"][0]["pointer"] == "filter"


def test_a_literal_is_a_value(target: Target) -> None:
    for text in (*SQL, *STRINGS):
        if "\0" in text or len(text) > 1000 or text.endswith("\\") or "\\'" in text or not text:
            continue
        for form in ("title = {}", "title != {} && id = 'none'", "title ~ {} && id = 'none'", "startsWith(title, {}) && id = 'none'",
                "title in ({})", "meta.by = {}"):
            seen = target.listed("posts", "bob", filter=form.format(quoted(text)), count="exact")
            if seen.status == 400 and seen.code == "limit_exceeded":
                continue
            assert (seen.status, seen.body.get("items"), seen.body.get("total")) == (200, [], 0), (form, text, seen)


def test_the_engines_own_conversions_show_nowhere(both: tuple[Target, Target]) -> None:
    """What SQLite and PostgreSQL read differently: affinity, blobs, empty text, big and odd numbers, dates, booleans, case."""
    filters = (
        "t = '1'", "t = 1", "i = '1'", "i = 1", "i = 1.0", "i = 1.5", "i > 0.5", "n = 1", "n = '1'", "d = 1", "d = '1'", "d = 1.50",
        "d > 1.499", "b = 1", "b = 'true'",
        "b = true", "b", "!(b)", "'1' = 1", "1 = 1", "'' = ''", "t = ''", "t = null", "t != ''", "i = null", "i != 1", "i = ''",
        "at = ''", "at > '2026'", "at > '2026-01-01'",
        "at = 'now'", "day = '2024-02-29'", "day > '2024-02-28'", "t = x'41'", "t ~ 'a'", "t ~ 'A'", "t ~ 'é'", "t ~ 'É'", "t ~ '%'",
        "t ~ 'a%'", "t ~ '_'", "t ~ '\\%'",
        "t ~ '\\\\'", "i > 9223372036854775807", "i < 99999999999999999999", "i = 9223372036854775808", "n > 1e308", "n > 1e309",
        "n = 0.1", "n = -0", "i = -0", "t > 'Z'",
        "t > 'ß'", "t > '\U0001f600'", "j.a = 1", "j.a = '1'", "j.a = true", "j.a.b = 1", "j = '{}'", "j.0 = 1", "j:length > 0",
        "s = 'one'", "s = 'ONE'", "s in ('one', 'two')",
        "s in ('one', null)", "s not in ('one')", "r.t = 'x'", "r.r.t != 'x'", "lower(t) = 'a'", "length(t) > 1", "length(t) > '1'",
        "coalesce(t, 'x') = 'x'", "contains(t, '')",
        "startsWith(t, '')", "strftime('%Y', at) = '2026'", "strftime('%s', at) > '0'", "geoDistance(n, n, n, n) = 0", "at + 1d > at",
        "at - 99999w > '2000-01-01'",
        "id > ''", "id ~ '-'", "version = 1", "version > '0'", "created > '2000-01-01'", "e = 'x'", "e ~ 'A'", "u ~ 'HTTP'", "rowid = 1",
        "true", "false", "null", "null = null",
        "@now > created", "@second >= 0", "t:lower = 'a'", "t:each = 'a'", "t:length = 1", "t:isset", "t ?= 'a'",
        "i in (1, 1.5, 9223372036854775808)", "i + 1 = 2",
    )  # fmt: skip
    rows = ({"t": "1", "i": 1, "n": 1, "d": "1.50", "b": True}, {"t": "A", "i": 0, "n": 0.1, "b": False, "s": "one"},
        {"t": "é", "at": "2026-06-01"}, {"t": "É%_\\", "day": "2024-02-29"},
            {"t": "ß", "j": {"a": 1}}, {"t": "\U0001f600", "j": {"a": "1"}}, {"j": {"a": True}}, {"j": [1]},
            {"i": 9223372036854775807, "n": 1e308}, {"e": "Ann@example.org"},
            {"u": "http://example.org"}, {"n": 0, "i": 0})  # fmt: skip
    for each in both:
        for at, row in enumerate(rows):
            each.records("POST", "values", "", {"id": f"conv-{at}", **row, "short": "conv"})
    for filter in filters:
        for sort in ("id", "t,id", "-n,id", "d,-i,id"):
            told = [each.listed("values", filter=f"short = 'conv' && ({filter})", sort=sort, fields="id",
                    count="exact").told for each in both]
            assert told[0] == told[1], (filter, sort)


# --- the grammar (I08)

NO_FILTER = (
    "'", '"', "title = '", "title = 'x", 'title = "x', "title = 'x' &&", "&& title = 'x'", "title = 'x' & title = 'y'",
    "title = 'x' | title = 'y'", "title == 'x'", "title <> 'x'",
    "title === 'x'", "(title = 'x'", "title = 'x')", "()", "!", "!title", "!!(n = 1)", "title", "title = ", "= 'x'", "title = = 'x'",
    "title 'x'", "title = 'x' 'y'", "title = 'x'; n = 1",
    "title ＝ 'x'", "title = ‘x’", "title = “x”", "tіtle = 'x'", "\ufefftitle = 'x'", "title\u00a0= 'x'", "title\u2003= 'x'",
    "title = 'x' ∧ n = 1", "title\u200b = 'x'", "title = 'x'/*c*/",
    "title = 'x' -- c", "title = 'x' # c", "title.. = 'x'", ".title = 'x'", "title. = 'x'", "title:: = 'x'", "title:nothing = 'x'",
    "title:isset = true", "n = 1e", "n = 0x1", "n = 1_0",
    "n = --1", "n = 1..2", "n = .5", "n = 5.", "n in ()", "n in (1,)", "n in 1", "n in (1 2)", "n not 1", "nothing(1)", "lower()",
    "lower(1)", "length(title, title)", "geoDistance(1)",
    "strftime('%Q', created)", "strftime('%Y' , title)", "hasRole()", "title = lower(", "title in (lower('x')", "created + 1 > @now",
    "created + 1x > @now", "@nothing = 1", "@ = 1", "title = @",
    "title ?== 'x'", "title ? = 'x'", "title ?! 'x'", "n > 'many'", "title > 1", "b = 1", "title = true", "meta = meta", "true > false",
    "'a' = 1", "a.b.c.d.e.f.g.h = 1",
    "owner.owner = 'x'", "title.x = 'x'", "n.x = 1", "title[0] = 'x'", "title->>'x' = 'x'", "title::text = 'x'",
    "title COLLATE nocase = 'x'", "title LIKE 'x'", "title IS NULL",
    "EXISTS(SELECT 1)", "title = 'x' AND n = 1", "title = 'x' OR n = 1", "NOT (n = 1)", "title BETWEEN 'a' AND 'b'", "title = ANY('x')",
    "title = 'x' LIMIT 1",
)  # fmt: skip


def test_what_is_no_filter_is_told_where_and_nothing_of_it_is_done(both: tuple[Target, Target]) -> None:
    for filter in NO_FILTER:
        told = []
        for each in both:
            seen = each.listed("posts", "bob", filter=filter)
            assert seen.status == 400, (filter, seen)
            assert seen.body["errors"][0]["pointer"] == "filter", (filter, seen.body)
            told.append(seen.told)
        assert told[0] == told[1], filter


def test_a_comment_hides_nothing_but_itself(target: Target) -> None:
    seen = target.listed("posts", "bob", filter="title = 'no such' // || title != ''")
    assert (seen.status, seen.body["items"]) == (200, [])
    assert target.listed("posts", "bob", filter="// title = 'x'").status == 400
    assert target.listed("posts", "bob", filter="title = 'no such' // \n || id = 'live-alice'").body["items"][0]["id"] == "live-alice"


def test_large_filters_are_refused_by_the_name_of_the_limit(target: Target) -> None:
    cases = {
        "characters": "title = '" + "a" * 5000 + "'",
        "comparisons": " || ".join(["n=1"] * 300),
        "nesting": "(" * 200 + "n=1" + ")" * 200,
        "negation": "!(" * 200 + "n=1" + ")" * 200,
        "list": "n in (" + ",".join(["1"] * 1500) + ")",
        "sort": "",
    }
    for name, filter in cases.items():
        seen = target.listed("posts", "bob", filter=filter) if filter else target.listed("posts", "bob",
            sort=",".join(["n", "-title"] * 10))
        assert seen.status == 400, (name, seen)
    # Beyond what a query may hold at all: refused by the server or by us, and answered.
    for size in (70_000, 100_000):
        assert 400 <= target.listed("posts", "bob", filter="n=1" + " " * size).status < 500
    with_many = target.listed("posts", "bob", filter="(" * 1900 + "n=1" + ")" * 1900)
    assert with_many.status == 400


# --- names (I02) and definitions (I05)

BAD_NAMES = (
    "", "a" * 51, "a" * 300, 'a"b', "a]b", "a`b", "a;b", "a--b", "a b", "a.b", "a\u0000b", "A", "Posts", "ä", "а", "1a", "_a", "-a",
    "a-b", "a'", "a\n", "a\\", "%s", "a\u201d", "ａ",
    "a_via_b", 'x"; DROP TABLE users; --', None, 1, True, [], {}, ["posts"],
)  # fmt: skip
RESERVED = ("id", "version", "created", "updated", "expand", "null", "true", "false", "in", "not", "xmin", "xmax", "cmin", "cmax", "ctid",
    "tableoid")
SQL_WORDS = ("select", "table", "order", "group", "user", "from", "where", "index", "rowid", "oid", "default", "check", "primary", "end",
    "all", "unique", "offset", "rank", "key", "json", "text", "time", "values", "current_user")  # fmt: skip


def test_no_name_is_code(target: Target) -> None:
    with target.unchanged():
        for name in BAD_NAMES:
            for body in (
                {"name": name}, {"name": "fresh", "fields": [{"name": name, "type": "text"}]},
                {"name": "fresh", "fields": [{"name": "x", "type": "text"}], "checks": [{"name": name, "rule": "x != ''"}]},
                {"name": "fresh", "fields": [{"name": "x", "type": "text"}], "indexes": [{"fields": [name]}]},
                {"name": "fresh", "fields": [{"name": "x", "type": "relation", "collection": name}]},
                {"name": "fresh", "fields": [{"name": "x", "type": name}]},
            ):  # fmt: skip
                seen = target.ask("POST", COLLECTIONS, body, by="admin")
                assert seen.status == 400, (body, seen)
        for name in ("sqlite_x", "pg_x", "users"):
            assert target.ask("POST", COLLECTIONS, {"name": name}, by="admin").status in (400, 409), name
        for name in RESERVED:
            body = {"name": "fresh", "fields": [{"name": name, "type": "text"}]}
            assert target.ask("POST", COLLECTIONS, body, by="admin").status == 400, name


def test_words_of_sql_are_names_like_others(target: Target) -> None:
    """Quoted by the engine's own dialect, or refused at once as reserved: never half."""
    taken = []
    for word in SQL_WORDS:
        field = {"name": word, "type": "text"}
        made = target.ask("POST", COLLECTIONS, {"name": word, "fields": [field], "rules": OPEN, "indexes": [{"fields": [word]}]},
            by="admin")
        if made.status in (400, 409):
            continue
        assert made.status == 201, (word, made)
        taken.append(word)
        record = target.records("POST", word, "", {word: "x'\""})
        assert (record.status, record.body.get(word)) == (201, "x'\""), (word, record)
        listed = target.listed(word, filter=f"{word} = 'x\\'\"'", sort=f"-{word}")
        assert len(listed.body["items"]) == 1, (word, listed)
        assert target.records("PATCH", word, record.body["id"], {word: "y"}).body[word] == "y"
        assert target.ask("DELETE", f"{COLLECTIONS}/{word}", by="admin").status == 204
    assert len(taken) > 10


DEFINITIONS = (
    {"type": "view", "query": "select * from users"}, {"type": ["base"]}, {"type": {}}, {"type": None}, {"type": "accounts; drop"},
    {"fields": "x"}, {"fields": {}}, {"fields": [None]}, {"fields": [[]]},
    {"fields": [{}]}, {"fields": [{"name": "x"}]}, {"fields": [{"name": "x", "type": "TEXT; DROP TABLE users"}]},
    {"fields": [{"name": "x", "type": "text", "default": {"a": 1}}]},
    {"fields": [{"name": "x", "type": "text", "default": ["'"]}]}, {"fields": [{"name": "x", "type": "integer",
                "default": "1); DROP TABLE users"}]},
    {"fields": [{"name": "x", "type": "integer", "default": "nextval('a')"}]},
    {"fields": [{"name": "x", "type": "date", "default": "CURRENT_TIMESTAMP"}]},
    {"fields": [{"name": "x", "type": "text", "pattern": "(("}]}, {"fields": [{"name": "x", "type": "text", "pattern": "(?=a)"}]},
    {"fields": [{"name": "x", "type": "text", "pattern": "(a)\\1"}]},
    {"fields": [{"name": "x", "type": "text", "pattern": 1}]}, {"fields": [{"name": "x", "type": "text",
                "pattern": "a{1000}{1000}{1000}"}]}, {"fields": [{"name": "x", "type": "text", "max": -1}]},
    {"fields": [{"name": "x", "type": "text", "max": 10**30}]}, {"fields": [{"name": "x", "type": "text", "min": 5, "max": 1}]},
    {"fields": [{"name": "x", "type": "text", "required": "yes"}]},
    {"fields": [{"name": "x", "type": "text", "hidden": 1}]}, {"fields": [{"name": "x", "type": "text", "unique": None}]},
    {"fields": [{"name": "x", "type": "text", "__class__": 1}]},
    {"fields": [{"name": "x", "type": "text", "name2": 1}]}, {"fields": [{"name": "x", "type": "select"}]},
    {"fields": [{"name": "x", "type": "select", "values": []}]},
    {"fields": [{"name": "x", "type": "select", "values": [1]}]}, {"fields": [{"name": "x", "type": "select", "values": [None]}]},
    {"fields": [{"name": "x", "type": "select", "values": [["a"]]}]},
    {"fields": [{"name": "x", "type": "select", "values": ["a", "a"]}]}, {"fields": [{"name": "x", "type": "select", "values": "abc"}]},
    {"fields": [{"name": "x", "type": "decimal"}]},
    {"fields": [{"name": "x", "type": "decimal", "scale": 19}]}, {"fields": [{"name": "x", "type": "decimal", "scale": "2); DROP"}]},
    {"fields": [{"name": "x", "type": "decimal", "scale": True}]},
    {"fields": [{"name": "x", "type": "number", "min": "a"}]}, {"fields": [{"name": "x", "type": "relation"}]},
    {"fields": [{"name": "x", "type": "relation", "collection": "nowhere"}]},
    {"fields": [{"name": "x", "type": "relation", "collection": "sqlite_master"}]},
    {"fields": [{"name": "x", "type": "relation", "collection": "users", "on_delete": "SET NULL; DROP"}]},
    {"fields": [{"name": "x", "type": "relation", "collection": "users", "on_delete": ["clear"]}]},
    {"fields": [{"name": "x", "type": "json", "unique": True}]},
    {"fields": [{"name": f"f{at}", "type": "text"} for at in range(201)]},
    {"fields": [{"name": "x", "type": "text"}, {"name": "x", "type": "text"}]},
    {"indexes": [{"fields": ["id); DROP TABLE users; --"]}]}, {"indexes": [{"fields": ["id"], "where": "1=1; DROP TABLE users"}]},
    {"indexes": [{"fields": ["id"], "unique": "yes"}]}, {"indexes": [{"fields": []}]},
    {"indexes": [{"fields": "id"}]}, {"indexes": ["CREATE INDEX x ON users(id)"]}, {"indexes": [{"fields": [["id"]]}]},
    {"indexes": [{"fields": ["_password"]}]},
    {"rules": {"list": 1}}, {"rules": {"list": ["id = ''"]}}, {"rules": {"list": "id = 'x'; DROP TABLE users"}},
    {"rules": {"list": "nothing = 1"}}, {"rules": {"list": "1=1 --"}}, {"rules": {"lists": ""}},
    {"rules": {"list": "id = 'x'" + " " * 5000}}, {"rules": {"list": "(" * 100 + "id='x'" + ")" * 100}},
    {"rules": {"list": "_password = ''"}}, {"rules": {"list": "rowid = 1"}}, {"rules": []}, {"rules": ""},
    {"rules": {"auth": ""}}, {"rules": {"manage": ""}}, {"checks": [{"name": "c", "rule": ""}]},
    {"checks": [{"name": "c", "rule": "1; DROP TABLE users"}]}, {"checks": [{"name": "c", "rule": None}]},
    {"checks": [{"name": "c", "rule": "id != ''", "message": ""}]}, {"checks": [{"name": "c", "rule": "id != ''", "message": 1}]},
    {"checks": [{"name": "c", "rule": "id != ''"}] * 2}, {"checks": {}},
    {"checks": [{"name": "c", "rule": "id != ''", "sql": "1"}]}, {"id": "mine"}, {"version": 7}, {"system": True}, {"created": "x"},
    {"query": "select 1"}, {"": 1}, {"__proto__": {}},
)  # fmt: skip


def test_no_definition_is_code(target: Target) -> None:
    with target.unchanged():
        for definition in DEFINITIONS:
            seen = target.ask("POST", COLLECTIONS, {"name": "fresh", **definition}, by="admin")
            assert seen.status == 400, (definition, seen)
            if "type" not in definition and set(definition) - {"id", "version", "created"}:
                changed = target.ask("PATCH", f"{COLLECTIONS}/locked", definition, by="admin")
                assert changed.status == 400, (definition, changed)
        for body in (None, [], "x", 1, True, [{"name": "fresh"}], {}):
            assert target.ask("POST", COLLECTIONS, body, by="admin").status == 400, body


# --- modifiers (I04)

MODIFIERS = (
    {"n+": "1;select"}, {"n+": {"a": 1}}, {"n+": [1]}, {"n+": None}, {"n+": True}, {"n+": 1.5}, {"n+": "1"}, {"n+": 10**30},
    {"n-": -(10**30)}, {"meta.x+": 1}, {"meta+": 1}, {"title+": "x"},
    {"n+' = 1; --+": 1}, {"n+ ": 1}, {" n+": 1}, {"n++": 1}, {"+n": 1}, {"-n": 1}, {"n*": 2}, {"n+=": 1}, {"n+": 1, "n": 2},
    {"n+": 1, "n-": 1}, {"secret+": 1}, {"version+": 1}, {"id+": "x"}, {"created-": 1},
    {"updated+": 1}, {"owner+": "x"}, {"status-": "x"}, {"nothing+": 1}, {"+": 1}, {"-": 1}, {"": 1}, {"n:each": 1}, {"n.0": 1},
    {"n[]": 1}, {"n[$inc]": 1}, {"$inc": {"n": 1}}, {"$set": {"n": 1}},
)  # fmt: skip


def test_no_modifier_is_code(target: Target) -> None:
    with target.unchanged():
        for body in MODIFIERS:
            seen = target.records("PATCH", "posts", "live-bob", body, by="bob")
            assert seen.status == 400, (body, seen)
            assert seen.body["errors"], body


# --- operator objects and names with brackets (I07, M07)

QUERIES = (
    "filter[a][$ne]=1", "filter[]=n=1", "filter%5B%5D=n%3D1", "filter=n%3D1&filter=n%3D2", "sort=n&sort=title", "limit=1&limit=500",
    "limit[]=1", "limit[$gt]=1", "FILTER=n%3D1", "Filter=n%3D1", "filter%00=1",
    "filter=%00", "filter=%ff", "filter=%c0%af", "filter=%ed%a0%80", "%ff=1", "select=id", "where=1", "$where=1", "order=id", "offset=1",
    "q=x", "search=x", "skipTotal=1", "perPage=1", "aggregate=max(secret)",
    "groupBy=secret", "having=1", "distinct=secret", "token=x", "access_token=x", "jwt=x", "limit=1;DROP", "limit=-1", "limit=0",
    "limit=501", "limit=100000", "limit=1e3", "limit=0x10", "limit=1.0", "limit=+1",
    "limit=%201", "limit=", "limit=١", "page=0", "page=-1", "page=9e18", "page=99999999999999999999", "page=1000001", "page=1&cursor=x",
    "count=true", "count=1", "count=Exact", "count=",
    "cursor=", "cursor=x", "cursor=%3D", "cursor=W10", "cursor=bnVsbA", "cursor=" + "A" * 5000, "n=1&" * 60, "&&=1", "=x", "=", "x",
)  # fmt: skip


def test_a_query_means_one_thing_or_nothing(both: tuple[Target, Target]) -> None:
    for query in QUERIES:
        told = []
        for each in both:
            seen = each.ask("GET", f"{POSTS}?{query if query.isascii() else quote(query, safe='=&')}", by="bob")
            assert seen.status == 400, (query, seen)
            told.append(seen.told)
        assert told[0] == told[1], query


# --- paths (I12)

IDS = (
    "..", ".", "%2e%2e", "%2e", "..%2f", "..%2Flive-alice", "..%5clive-alice", "%2e%2e%2flive-alice", "..;", "live-bob%00", "%00",
    "live-bob%20", "%20live-bob", "live-bob.", "live-bob/", "live-bob%2f", "live-bob;a=b", "live-bob,live-alice",
    "live-bob'", "live-bob%27", "live-bob%22", "live-bob%27--", "live-bob%27%20OR%20%271%27=%271", "live%25", "live_bob", "*", "%2a",
    "[live-bob]", "live-bob%0d%0aX:1", "live-bob%0a", "LIVE-BOB", "a" * 65, "a" * 4000, "%ff", "%c0%ae%c0%ae",
    "%ed%a0%80", "0", "-1", "null", "true", "undefined", "live-bob%E2%80%8B", "%EF%BD%8C", "1%20UNION%20SELECT%201", "live-bob?x=1",
    "live-bob%3Fx=1", "live-bob%23", "a/b", "live-bob/owner", "live-bob//",
)  # fmt: skip


def test_an_id_names_one_record_or_nothing(target: Target) -> None:
    with target.unchanged():
        for id in IDS:
            for method, body in (("GET", None), ("PATCH", b'{"title": "taken"}'), ("DELETE", None)):
                seen = target.ask(method, f"{POSTS}/{id}", raw=body, by="bob")
                assert seen.status in (400, 404, 405), (method, id, seen)


def test_a_collections_name_names_one_or_nothing(target: Target) -> None:
    names = (
        "..", ".", "%2e%2e", "Posts", "POSTS", "posts%00", "posts%20", "posts;x", "posts'", "posts%22", "posts--", "sqlite_master",
        "sqlite_schema", "pg_catalog", "pg_class", "information_schema", "_sessions", "_outbox", "_keys", "_collections",
        "_schema", "_meta", "alembic_version", "main.posts", "public.posts", "posts%2f..%2flocked", "a" * 4000, "%ff", "_", "*",
        "posts,users", "nothing",
    )  # fmt: skip
    with target.unchanged():
        expected = {}
        for name in names:
            for by in ("", "bob", "admin"):
                for method, rest, body in (("GET", "", None), ("POST", "", b"{}"), ("GET", "/x", None), ("PATCH", "/x", b"{}"),
                        ("DELETE", "/x", None)):
                    seen = target.ask(method, f"{COLLECTIONS}/{name}/records{rest}", raw=body, by=by)
                    assert seen.status in (404, 405), (method, name, by, seen)
                    if seen.status == 404 and not name.startswith((".", "%2e")) and "%2f" not in name:
                        told = seen.told[1]
                        assert expected.setdefault((method, rest, by), told) == told, (name, by)


def test_headers_are_not_made_of_data(target: Target) -> None:
    """CR and LF in whatever comes back in a header (I11)."""
    for text in ("a%0d%0aSet-Cookie:%20x=1", "a\u010a", "%E5%98%8A%E5%98%8DSet-Cookie:x", "a%250d%250ab"):
        path = quote(text, safe="%")
        for seen in (
            target.ask("GET", f"{POSTS}?limit=1&filter=title!='{path}'", by="bob"),
            target.ask("GET", f"{API}/{path}"),
            target.ask("GET", f"{POSTS}/{path}", by="bob"),
        ):
            assert "set-cookie" not in seen.headers
            assert not any("\r" in value or "\n" in value for value in seen.headers.values())
    for id in ("ok id\r\n", "a\tb", "x" * 200, "<script>", "'; DROP"):
        seen = _with_header(target, "X-Request-Id", id)
        if seen is not None:
            assert seen.headers["x-request-id"] != id


def _with_header(target: Target, name: str, value: str) -> Seen | None:
    try:
        return target.ask("GET", f"{POSTS}?limit=1", headers={name: value})
    except ValueError:  # the client library does not send it
        return None


# --- other kinds of bodies (I16, W04)

MEDIA = (
    "application/xml", "text/xml", "application/yaml", "text/yaml", "application/x-yaml", "application/x-python-pickle",
    "application/octet-stream", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "text/html",
    "text/json", "application/jsonp", "application/json-patch+json", "application/merge-patch+json", "application/vnd.api+json",
    "application/x-ndjson", "application/csp-report", "application/json; charset=utf-16", "application/json; charset=latin-1",
    "application/json; charset=utf-7", "application/msgpack", "application/cbor", "application/graphql", "application/bson", "image/png",
    "*/*", "json", "", "application/json, text/plain", "text/plain; application/json",
)  # fmt: skip


def test_only_json_is_read(target: Target) -> None:
    with target.unchanged():
        for media in MEDIA:
            for path in (POSTS, f"{COLLECTIONS}/users/records", f"{API}/auth/users/sign-in", f"{API}/setup"):
                seen = target.ask("POST", path, raw=b'{"title": "x"}', by="bob", headers={"Content-Type": media})
                assert seen.status == 415, (media, path, seen)
            assert target.ask("PATCH", f"{POSTS}/live-bob", raw=b'{"title": "x"}', by="bob", headers={"Content-Type": media}).status == 415
        for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "x"):
            seen = target.ask("POST", POSTS, raw=b'{"title": "x"}', by="bob", headers={"Content-Encoding": coding})
            assert seen.status == 415, coding


def test_methods_are_not_overridden(target: Target) -> None:
    with target.unchanged():
        for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "_method"):
            seen = target.ask("GET", f"{POSTS}/live-bob", by="bob", headers={header: "DELETE"})
            assert seen.status == 200, header
        for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND", "PUT", "LINK", "DEBUG", "FOO"):
            connection = http.client.HTTPConnection("127.0.0.1", target.server.port, timeout=10)
            connection.request(method, f"{POSTS}/live-bob", headers={"Authorization": f"Bearer {target.tokens['bob']}"})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            assert answer.status in (400, 404, 405, 501), (method, answer.status)
            if answer.headers.get("Content-Type"):
                keeps_promises(Seen(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content, 0), method.encode())


def test_templates_are_text(target: Target) -> None:
    for text in ("{{7*7}}", "{%raw%}", "${7*7}", "{APP_URL}", "%(x)s", "{0.__class__}", "<%= 7*7 %>", "#{7*7}"):
        made = target.records("POST", "posts", "", {"title": text}, by="bob")
        assert made.body["title"] == text
        refused = target.records("POST", "posts", "", {"title": "x", text: 1}, by="bob")
        assert (refused.status, text in refused.body["errors"][0]["detail"]) == (400, True)
        assert target.records("DELETE", "posts", made.body["id"], by="bob").status == 204
