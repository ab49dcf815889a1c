"""Collections whose fields, relations and ways back hold many values, records with none, one and several of them, and random
texts of the rule language over them."""

from random import Random

from domain.rules.check import Scope, check
from domain.rules.manys import free, groups_of, manys
from domain.rules.scope import VIA
from domain.rules.tree import TRUE, And, Call, Compare, In, Literal, Not, Or, Path, Request, Shift
from domain.rules.values import Values
from domain.rules.walk import parts, sides
from domain.schema.kinds import Kind
from tests.contract.rule_cases import MOMENT
from tests.contract.sql_engines import NOW, schema


def to(name, target, **options):
    return {"name": name, "type": "relation", "collection": target, **options}



def fields(*kinds):
    return [{"name": each, "type": kind} for kind, names in kinds for each in names.split()]


COLORS = {"name": "labels", "type": "select", "values": ["red", "Red", "blue", "green", "é%"], "many": True}
SCHEMA = schema(
    {"name": "perms", "type": "base", "fields": fields(("text", "name"), ("bool", "active"), ("integer", "rank")),
     "indexes": [{"fields": ["name"]}]},
    {"name": "users", "type": "accounts", "indexes": [{"fields": ["name"]}],
     "fields": [*fields(("text", "name"), ("integer", "age"), ("json", "roles")), to("perms", "perms", many=True)]},
    {"name": "tags", "type": "base", "indexes": [{"fields": ["name"]}],
     "fields": [*fields(("text", "name"), ("integer", "rank")), to("owner", "users"), to("akin", "tags", many=True)]},
    {"name": "posts", "type": "base", "indexes": [{"fields": ["title"]}],
     "fields": [*fields(("text", "title"), ("integer", "views"), ("number", "score"), ("date", "at"), ("json", "meta")),
                to("author", "users"), to("parent", "posts"), to("main", "tags"), to("tags", "tags", many=True), COLORS]},
    {"name": "comments", "type": "base", "indexes": [{"fields": ["text"]}],
     "fields": [*fields(("text", "text"), ("integer", "stars"), ("bool", "private"), ("date", "sent"), ("email", "reply_to"),
                        ("json", "extra")),
                {"name": "price", "type": "decimal", "scale": 2}, to("post", "posts"), to("by", "users"), COLORS]},
    {"name": "members", "type": "base",
     "fields": [*fields(("text", "role")), to("user", "users"), to("post", "posts"), to("of", "members", many=True)]},
)  # fmt: skip

# --- records


def _some(dice, ids, most):
    return tuple(dice.sample(ids, dice.choice([0, 0, 1, 1, 2, most])))


def _one(dice, ids):
    return dice.choice([None, *ids])


TEXTS = (None, "a", "A", "ab", "b", "red", "é", "100%")
DOCUMENTS = (
    None, {}, {"list": []}, {"list": ["a", "b"]}, {"list": ["a"]}, {"list": "a"}, {"list": [1, 2.5, None]}, {"list": {"a": 1}},
    {"list": [True, "red", {"x": 1}, ["a"]]}, {"list": [None]}, ["a", "red", 3], 5, "a",
)  # fmt: skip


def _records():
    dice = Random(7)
    pick = dice.choice
    ids = {name: [f"{name[0]}{at}" for at in range(count)] for name, count in
           (("perms", 4), ("users", 6), ("tags", 5), ("posts", 16), ("comments", 22), ("members", 12))}  # fmt: skip
    made = {
        "perms": [{"name": pick(TEXTS), "active": pick([None, True, True, False]), "rank": pick([None, 1, 2, 3])} for _ in ids["perms"]],
        "users": [
            {"name": pick(TEXTS), "age": pick([None, 1, 2, 3]), "roles": pick([None, [], ["a", "b"], ["a"], "a"]),
             "perms": _some(dice, ids["perms"], 3), "email": f"user{at}@example.org"}
            for at, _ in enumerate(ids["users"])
        ],
        "tags": [
            {"name": pick(TEXTS), "rank": pick([None, 1, 2, 3]), "owner": _one(dice, ids["users"]), "akin": _some(dice, ids["tags"], 3)}
            for _ in ids["tags"]
        ],
        "posts": [
            {"title": pick(TEXTS), "views": pick([None, 0, 1, 2, 3]), "score": pick([None, 0.5, 1.0, 2.0]), "meta": pick(DOCUMENTS),
             "at": pick([None, "2026-11-22T00:00:00.000Z", "2026-01-01T00:00:00.000Z"]), "author": _one(dice, ids["users"]),
             "parent": _one(dice, ids["posts"][:at]), "main": _one(dice, ids["tags"]), "tags": _some(dice, ids["tags"], 4),
             "labels": _some(dice, COLORS["values"], 3)}
            for at, _ in enumerate(ids["posts"])
        ],
        "comments": [
            {"text": pick(TEXTS), "stars": pick([None, 1, 2, 3]), "private": pick([None, True, False]),
             "sent": pick([None, "2026-11-22T00:00:00.000Z", "2026-01-01T00:00:00.000Z"]), "post": _one(dice, ids["posts"][:10]),
             "by": _one(dice, ids["users"]), "reply_to": pick([None, "User1@example.org", "user2@example.org"]),
             "extra": pick(DOCUMENTS), "labels": _some(dice, COLORS["values"], 3)}
            for _ in ids["comments"]
        ],
        "members": [
            {"role": pick([None, "a", "admin"]), "user": _one(dice, ids["users"]), "post": _one(dice, ids["posts"]),
             "of": _some(dice, ids["members"][:at], min(at, 3)) if at > 3 else ()}
            for at, _ in enumerate(ids["members"])
        ],
    }  # fmt: skip
    return {name: [_whole(name, id_, each) for id_, each in zip(ids[name], records, strict=True)] for name, records in made.items()}


def _whole(name, id_, record):
    empty = {key: () if field.many else None for key, field in SCHEMA.collections[name].every_field.items()}
    return {**empty, "id": id_, "version": 1, "created": NOW, "updated": NOW, **record}


RECORDS = _records()
WORLD = {name: {record["id"]: record for record in records} for name, records in RECORDS.items()}


def led_to(begin, target, ids):
    """What stands in the request under `begin` and behind it, where these records of the target are what it leads to."""
    yield begin, tuple(ids)
    for at, record in enumerate(WORLD[target].get(id_) for id_ in ids):
        for name, value in (record or {}).items():
            yield (*begin, str(at), name), value


def _memberships(user):
    """Two deep: the posts that a member stands by, and the members that it stands for."""
    mine = [record["id"] for record in RECORDS["members"] if record["user"] == user]
    begin = ("auth", "members_via_user")
    yield from led_to(begin, "members", mine)
    for at, record in enumerate(WORLD["members"][each] for each in mine):
        yield from led_to((*begin, str(at), "of"), "members", record["of"])
        post = WORLD["posts"].get(record["post"], {})
        yield from (((*begin, str(at), "post", name), value) for name, value in post.items())


def _body_of(tags, main):
    yield from led_to(("body", "tags"), "tags", tags)
    yield ("body", "main"), main
    yield from ((("body", "main", name), value) for name, value in WORLD["tags"].get(main, {}).items())


ACTORS = (
    Values(now=MOMENT, request={("method",): "GET", ("auth", "id"): ""}),
    Values(now=MOMENT, request={
        ("method",): "PATCH", ("auth", "id"): "u1", ("auth", "name"): "a", ("auth", "age"): 2, ("auth", "perms"): ("p0", "p2"),
        ("auth", "perms", "0", "name"): "a", ("auth", "perms", "1", "name"): "b", ("auth", "perms", "0", "active"): True,
        ("auth", "perms", "1", "active"): False, ("auth", "roles"): ["a", "b"],
        **dict(_memberships("u1")), **dict(_body_of(["t1", "t0"], "t2")),
        ("body", "labels"): ["red"], ("body", "meta"): {"list": ["a", "b"]}, ("body", "title"): "a",
    }),
    Values(now=MOMENT, request={
        ("method",): "PATCH", ("auth", "id"): "u2", ("auth", "perms"): (), ("auth", "roles"): "a",
        **dict(_memberships("u2")), **dict(_body_of([], "none")),
        ("body", "labels"): ["blue", "red", "é%"], ("body", "meta"): ["a", "red", 3], ("body", "tags+"): "t1",
    }),
    Values(now=MOMENT, request={
        ("method",): "PATCH", ("auth", "id"): "u3", ("auth", "perms"): ("p1",), ("auth", "perms", "0", "name"): "ab",
        **dict(_memberships("u3")), **dict(_body_of(["t2", "none"], "t0")),
        ("body", "labels"): None, ("body", "meta"): {"list": [1.0, 2.5, None]},
    }),
)  # fmt: skip

# --- texts

PATHS = {
    "text": "title tags labels author.perms author.name tags.name tags.owner.name tags.akin tags.akin.name author.perms.name main.name"
            " main.akin main.akin.name author.roles:each meta.list:each meta:each labels:lower comments_via_post.text tags:each"
            " comments_via_post.labels comments_via_post.by.name comments_via_post.by comments_via_post.by.perms.name"
            " comments_via_post.extra.list:each comments_via_post.extra.list.0 parent.tags.name parent.comments_via_post.text"
            " posts_via_parent.title posts_via_parent.comments_via_post.text posts_via_parent.tags tags.posts_via_tags.title"
            " members_via_post.role members_via_post.user members_via_post.user.name author.posts_via_author.tags.name"
            " author.comments_via_by.text main.posts_via_main.labels tags.tags_via_akin.name comments_via_post id "
            " comments_via_post.text:lower"
            " author.posts_via_author tags.owner.posts_via_author.comments_via_post.by.name tags.owner comments_via_post.post.tags.name",
    "root": "@collection.members.role @collection.members.user @collection.members.post @collection.members:x.role"
            " @collection.members:x.user @collection.tags.akin @collection.tags.akin.name @collection.comments.text"
            " @collection.comments:c.labels @collection.members.user.perms.name @collection.members.of.role",
    "integer": "views tags.rank author.age comments_via_post.stars tags:length labels:length comments_via_post:length tags.akin:length"
               " author.perms:length author.perms.rank meta.list:length posts_via_parent.tags:length tags.owner.age"
               " tags.posts_via_tags:length author.comments_via_by:length author.roles:length comments_via_post.extra.list:length"
               " author.posts_via_author.comments_via_post:length main.akin:length parent.tags:length comments_via_post.labels:length",
    "number": "score meta.list:each comments_via_post.price comments_via_post.extra.list:each",
    "bool": "comments_via_post.private author.perms.active comments_via_post.by.perms.active meta.list:each",
    "date": "at comments_via_post.sent posts_via_parent.at",
    "email": "comments_via_post.reply_to author.email",
}  # fmt: skip
REQUESTS = (
    "@request.auth.id", "@request.auth.name", "@request.body.tags", "@request.body.labels", "@request.auth.perms",
    "@request.auth.perms.name", "@request.auth.roles:each", "@request.body.meta.list:each", "@request.body.tags:lower",
    "@request.auth.members_via_user", "@request.auth.members_via_user.role", "@request.auth.members_via_user.post",
    "@request.auth.members_via_user.post.title", "@request.auth.members_via_user.of.role", "@request.body.main.name",
    "@request.body.tags.name", "@request.body.tags.akin",
)  # fmt: skip
ROOTS = ("@collection.members.", "@request.auth.perms.", "@request.auth.members_via_user.", "@request.body.tags.")
ASKED = (
    "@request.body.tags:changed", "@request.body.labels:changed", "@request.body.meta:changed", "@request.body.title:changed",
    "@request.auth.members_via_user:length > 1", "@request.auth.members_via_user.of:length ?> 0", "@request.body.tags.rank > 1",
    "@request.body.tags:isset", "hasRole('a')", "@request.auth.perms.active ?= true", "@request.body.tags:length > 1",
)  # fmt: skip
CONSTANTS = {
    "text": ("'a'", "'b'", "'red'", "'ab'", "'t1'", "'u1'", "'é'", "''", "null", "'A'", "'c1'"),
    "integer": ("0", "1", "2", "3", "1.5", "null"),
    "number": ("0.5", "1", "2.5", "3"),
    "bool": ("true", "false"),
    "date": ("'2026-11-22'", "'2026-01-01'", "@now", "''", "'2026-11-21'"),
    "email": ("'user1@example.org'", "'USER2@example.org'", "''"),
}
OPERATORS = {
    "text": ("=", "=", "=", "!=", "!=", "~", "!~", "<", ">="), "integer": ("=", "!=", "<", ">=", ">"), "number": ("=", "!=", "<", ">="),
    "bool": ("=", "!="), "date": ("=", "!=", "<", ">="), "email": ("=", "!=", "~"),
}  # fmt: skip


class Writer:
    def __init__(self, dice, client):
        self.dice, self.client = dice, client

    def whole(self):
        return self.condition(self.dice.choice([0, 1, 1, 2, 2]))

    def condition(self, depth):
        if depth == 0:
            return self.atom()
        how = self.dice.choice(["and", "and", "and", "or", "not", "atom"])
        if how == "not":
            return f"!({self.condition(depth - 1)})"
        if how == "atom":
            return self.atom()
        if how == "and" and self.dice.random() < 0.5:
            return self.group()
        parts = [self.condition(depth - 1) for _ in range(self.dice.choice([2, 2, 3]))]
        return "(" + (" && " if how == "and" else " || ").join(parts) + ")"

    def group(self):
        """Comparisons of one element."""
        starts = ["comments_via_post.", "tags.", "posts_via_parent.", "author.perms.", *([] if self.client else ROOTS)]
        start = self.dice.choice(starts)
        ends = {
            "comments_via_post.": ("text", "by", "by.name", "labels", "by.perms.name"),
            "tags.": ("name", "owner", "akin.name", "akin", "owner.name"),
            "posts_via_parent.": ("title", "tags", "tags.name", "labels"), "author.perms.": ("name", "id"),
            "@collection.members.": ("role", "user", "post", "user.name"), "@request.auth.perms.": ("name", "id", "name:lower"),
            "@request.auth.members_via_user.": ("role", "user", "post", "post.title", "of", "of.role"),
            "@request.body.tags.": ("name", "id", "akin", "owner"),
        }[start]  # fmt: skip
        parts = [f"{start}{self.dice.choice(ends)} ?{self.compared('text')}" for _ in range(self.dice.choice([2, 2, 3]))]
        if self.dice.random() < 0.3:
            parts.append(f"({parts.pop()} || {self.atom()})")
        return "(" + " && ".join(parts) + ")"

    def compared(self, kind):
        op = self.dice.choice(OPERATORS[kind])
        value = self.other(kind)
        return f"{op} {value}" if value != "null" or op in ("=", "!=") else f"= {value}"

    def other(self, kind):
        roll = self.dice.random()
        if roll < 0.65:
            return self.dice.choice(CONSTANTS[kind])
        if roll < 0.75 and kind == "text" and not self.client:
            return self.dice.choice(REQUESTS)
        path = self.path(kind)
        return self.dice.choice(CONSTANTS[kind]) if ":each" in path or ".extra." in path else path

    def path(self, kind):
        found = PATHS[kind].split()
        if kind == "text" and not self.client and self.dice.random() < 0.2:
            found = PATHS["root"].split()
        return self.dice.choice(found)

    def atom(self):
        kind = self.dice.choice(["text"] * 6 + ["integer", "integer", "number", "bool", "date"] + ([] if self.client else ["email"]))
        any_ = self.dice.choice(["", "?"])
        if not self.client and self.dice.random() < 0.06:
            return self.dice.choice(ASKED)
        left, roll = self.path(kind), self.dice.random()
        if roll < 0.12:
            items = ", ".join(self.listed(kind) for _ in range(self.dice.choice([1, 2, 3])))
            return f"{left} {any_}{self.dice.choice(['in', 'not in'])} ({items})"
        if kind == "text" and roll < 0.2 and ":each" not in left:
            call = self.dice.choice(["lower({}) {}= 'a'", "length({}) {}> 1", "startsWith({}, 'a') {}= true", "contains({}, 'e') {}= false",
                                     "coalesce({}, 'a') {}= 'a'", "startsWith({}, title) {}= true"])  # fmt: skip
            return call.format(left, any_)
        if kind == "date" and roll < 0.4:
            return f"{left} + 1d {any_}>= '2026-11-22'"
        return f"{left} {any_}{self.compared(kind)}"

    def listed(self, kind):
        return self.dice.choice([each for each in CONSTANTS[kind] if not each.startswith("@")])


class ClientSight:
    """What a client's texts reach is bound by list rules, and some fields hold nothing for it in some records."""

    RULES = {"comments": "private != true", "tags": "rank != 2", "users": "perms.active ?= true || age = null", "posts": "views != 3",
             "perms": "", "members": ""}  # fmt: skip
    HELD = {("posts", "tags"): "views != 1", ("posts", "title"): "author != ''", ("comments", "by"): "stars != 1",
            ("comments", "post"): "stars != 3", ("posts", "author"): "labels ?!= 'red'", ("comments", "labels"): "stars != 2",
            ("comments", "text"): "by != ''", ("posts", "meta"): "views != 2"}  # fmt: skip

    def may_name(self, collection, field):
        return field.type != "email"

    def guard(self, collection):
        return self._rule(self.RULES[collection.name], collection)

    def field_guard(self, collection, field):
        return self._rule(self.HELD.get((collection.name, field.name), ""), collection)

    def _rule(self, text, collection):
        return check(text, Scope(SCHEMA, collection)) if text else TRUE


# --- what a text consists of

FEATURES = (
    "list", "list behind a relation", "step through a list", "back", "back through a list", "back two deep", "@collection",
    "alias", ":each", ":length", ":lower", "?", "all", "?in", "in", "?not in", "not in", "linked", "linked in an or",
    "!( ) around ?", "!( ) in !( )", "two many-valued sides", "step guard", "guard of a field", "guard of a relation",
    "list in the request", "back from the actor", "behind the body", "linked in the request",
    ":changed of a list", ":changed of json", "call of many", "moved element", "null",
)  # fmt: skip


def features(condition):
    """Those of FEATURES that the condition has somewhere."""
    return set(_features(condition, False))


def _features(condition, within_not):
    if isinstance(condition, Not):
        yield from ("!( ) in !( )",) if within_not else ()
        yield from ("!( ) around ?",) if free(condition.item, {}) else ()
        yield from _features(condition.item, True)
    elif isinstance(condition, And | Or):
        groups = groups_of(list(condition.items), {}) if isinstance(condition, And) else []
        for group in (each for each in groups if len(each) > 1):
            yield "linked in the request" if all(isinstance(many.path, Request) for many in free(group[0], {})) else "linked"
            yield from ("linked in an or",) if any(isinstance(item, Or) for item in group) else ()
        for item in condition.items:
            yield from _features(item, within_not)
    elif isinstance(condition, Compare | In):
        yield from _of_atom(condition)


def _of_atom(atom):
    many = [side for side in sides(atom) if any(True for _ in manys(side))]
    if many:
        yield "?" if atom.any else "all"
    yield from ("two many-valued sides",) if len(many) > 1 else ()
    if isinstance(atom, In):
        yield f"{'?' if atom.any else ''}{'not ' if atom.negated else ''}in"
    elif isinstance(atom.right, Literal) and atom.right.kind is None:
        yield "null"
    for side in many:
        yield from ("call of many",) if isinstance(side, Call) else ("moved element",) if isinstance(side, Shift) else ()
    for part in (part for side in sides(atom) for part in parts(side)):
        yield from _of_path(part) if isinstance(part, Path) else _of_request(part) if isinstance(part, Request) else ()


def _of_path(path):
    yield from (f":{path.modifier}",) if path.modifier else ()
    yield from ("list behind a relation" if path.steps else "list",) if path.elements else ()
    yield from ("alias",) if path.alias else ("@collection",) if path.root else ()
    backs = [step for step in path.steps if step.back]
    yield from ("back",) if backs else ()
    yield from ("back two deep",) if len(backs) > 1 else ()
    yield from ("back through a list",) if any(SCHEMA.collections[step.target].every_field[step.field].many for step in backs) else ()
    yield from ("step through a list",) if any(step.many and not step.back for step in path.steps) else ()
    yield from ("step guard",) if any(step.guard for step in path.steps) else ()
    yield from ("guard of a relation",) if any(step.field_guard for step in path.steps) else ()
    yield from ("guard of a field",) if path.guard else ()


def _of_request(request):
    yield from ("list in the request",) if request.lists else ()
    yield from ("back from the actor",) if any(VIA in part for part in request.path) else ()
    yield from ("behind the body",) if request.path[:2] in (("body", "tags"), ("body", "main")) and len(request.path) > 2 else ()
    if request.modifier == "changed" and request.stored is not None:
        yield from (":changed of a list",) if request.stored.elements else (":changed of json",) if request.stored.kind is Kind.JSON else ()
