"""Trying rules by cases: they say what a server would answer, a wrong expectation fails with its reason, and a typo is no case."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from adapters.inbound.cli.commands import Actions, commands
from app.rule_tests import tried
from domain.errors import Invalid

OWN = "author = @request.auth.id"
SCHEMA: dict[str, Any] = {
    "users": {"name": "users", "type": "accounts", "rules": {"list": "", "view": "", "update": "id = @request.auth.id"}},
    "posts": {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text", "max": 20},
            {"name": "author", "type": "relation", "collection": "users"},
            {"name": "reply", "type": "relation", "collection": "posts"},
            {"name": "notes", "type": "text", "rules": {"view": OWN}},
            {"name": "secret", "type": "text", "hidden": True},
            {"name": "due", "type": "date"},
        ],
        "checks": [{"name": "signed", "rule": f"{OWN} || title != 'unsigned'", "message": "sign it"}],
        "rules": {"list": f"title != 'draft' || {OWN}", "view": "due = null || due > @now", "create": OWN,
                  "update": f"{OWN} || @request.headers.x_staff = 'yes'", "delete": None},
    },
}  # fmt: skip
FIXTURES = """
now = 2026-11-22T13:00:00Z
[records.posts]
answer = {title = "re: hello", author = "ann", reply = "hello"}
hello = {title = "hello", author = "ann", notes = "mine", secret = "s"}
draft = {title = "draft", author = "ann", due = 2026-11-22T12:59:59Z}
[records.users]
ann = {}
bob = {verified = true}
"""


def outcomes(tmp_path: Path, cases: str, fixtures: str = FIXTURES) -> list[str]:
    file = tmp_path / "cases.toml"
    file.write_text(fixtures + cases, encoding="utf-8")
    return [str(each) for each in tried(SCHEMA, file)]


def case(**parts: str) -> str:
    return "[[case]]\n" + "".join(f"{name} = {value}\n" for name, value in parts.items())


HOLDING = {
    "list": 'actor = ["guest", "bob"]\naction = "list"\ncollection = "posts"\nvisible = ["hello", "answer"]',
    "own list": 'actor = "ann"\naction = "list"\ncollection = "posts"\nvisible = ["hello", "answer", "draft"]',
    "filtered list": 'actor = "ann"\naction = "list"\ncollection = "posts"\nfilter = "reply = \'hello\'"\nvisible = ["answer"]',
    "not in the list": 'action = "list"\nrecord = "posts/draft"\nexpected = "denied"',
    "in the list": 'action = "list"\nrecord = "posts/hello"\nexpected = "allowed"',
    "a moment too late": 'action = "view"\nrecord = "posts/draft"\nexpected = "denied"',
    "masked": 'actor = "bob"\naction = "view"\nrecord = "posts/hello"\nmasked = ["notes", "secret"]\nshown = ["title"]',
    "shown": 'actor = "users/ann"\naction = "view"\nrecord = "posts/hello"\nshown = ["notes"]\nmasked = ["secret"]',
    "create": 'actor = "ann"\naction = "create"\ncollection = "posts"\nvalues = {author = "ann"}\nexpected = "allowed"',
    "for another": 'actor = "bob"\naction = "create"\ncollection = "posts"\nvalues = {author = "ann"}\nexpected = "denied"',
    "long": 'actor = "ann"\naction = "update"\nrecord = "posts/hello"\nvalues = {title = "twenty-one character."}\nexpected = "invalid"',
    "check": 'action = "update"\nrecord = "posts/hello"\nvalues = {title = "unsigned"}\nheaders = {X-Staff = "yes"}\nexpected = "invalid"',
    "header": 'action = "update"\nrecord = "posts/hello"\nvalues = {title = "x"}\nheaders = {X-Staff = "yes"}\nexpected = "allowed"',
    "delete": 'actor = ["guest", "ann"]\naction = "delete"\nrecord = "posts/answer"\nexpected = "denied"',
    "admin": 'actor = "admin"\naction = "delete"\nrecord = "posts/answer"\nexpected = "allowed"',
    "referred": 'actor = "admin"\naction = "delete"\nrecord = "posts/hello"\nexpected = "invalid"',
}  # fmt: skip


def test_cases_hold_in_any_order_for_each_is_undone(tmp_path: Path) -> None:
    every = [f'[[case]]\nname = "{name}"\n{text}\n' for name, text in HOLDING.items()]
    for cases in (every, every[::-1]):
        told = outcomes(tmp_path, "".join(cases))
        assert [each for each in told if "\n" in each] == []
        assert len(told) == len(HOLDING) + 2


UPDATE_RULE = "author = @request.auth.id || @request.headers.x_staff = 'yes'"
LIST_RULE = "title != 'draft' || author = @request.auth.id"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            {"actor": '"bob"', "action": '"update"', "record": '"posts/hello"', "values": '{title = "x"}', "expected": '"allowed"'},
            [
                "bob: update posts/hello",
                "expected allowed, and it is denied",
                f"update rule of posts: {UPDATE_RULE}",
                "the update rule does not hold: `author = @request.auth.id` and `@request.headers.x_staff = 'yes'` are false",
            ],
        ),
        (
            {"actor": '"ann"', "action": '"delete"', "record": '"posts/hello"', "expected": '"allowed"'},
            [
                "ann: delete posts/hello",
                "expected allowed, and it is denied",
                "delete rule of posts: null (admins only)",
                "the delete rule is null: only admins may do this",
            ],
        ),
        (
            {"action": '"list"', "collection": '"posts"', "visible": '["hello", "draft"]'},
            [
                "guest: list posts",
                "`answer` is visible, and is not expected",
                f"list rule of posts: {LIST_RULE}",
                "`draft` is expected, and is not visible",
                f"list rule of posts: {LIST_RULE}",
                "the list rule does not hold: `title != 'draft'` and `author = @request.auth.id` are false",
            ],
        ),
        (
            {"actor": '"ann"', "action": '"view"', "record": '"posts/hello"', "expected": '"denied"'},
            ["ann: view posts/hello", "expected denied, and it is allowed", "view rule of posts: due = null || due > @now"],
        ),
        (
            {"actor": '"ann"', "action": '"view"', "record": '"posts/hello"', "masked": '["notes"]', "shown": '["due", "titel"]'},
            [
                "ann: view posts/hello",
                "`notes` is shown, and is expected to be masked",
                "`due` holds nothing in this record, so nobody can tell whether it is masked",
                "there is no field `titel`; did you mean `title`?",
            ],
        ),
        (
            {"action": '"view"', "record": '"users/ann"', "expected": '"denied"'},
            ["guest: view users/ann", "expected denied, and it is allowed", 'view rule of users: "" (everybody)'],
        ),
    ],
    ids=["update", "null", "list", "allowed", "masked", "everybody"],
)
def test_a_wrong_expectation_fails_and_says_why(tmp_path: Path, parts: dict[str, str], told: list[str]) -> None:
    assert outcomes(tmp_path, case(**parts)) == ["\n  ".join(told)]


VIEW = {"action": '"view"', "record": '"posts/hello"'}


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("", "case: this is at least one [[case]]"),
        ("[[cases]]\n", "nothing here is called `cases`; did you mean `case`?"),
        (case(**VIEW), "case 1: this is without anything expected"),
        (case(**VIEW, expect='"denied"'), "case 1: nothing here is called `expect`; did you mean `expected`?"),
        (case(**VIEW, expected='"refused"'), "case 1: expected: this is one of allowed, denied, invalid"),
        (case(**VIEW, expected='"denied"', masked='["notes"]'), "case 1: masked and shown: this is for a `record` that"),
        (case(action='"read"', expected='"denied"'), "case 1: action: this is one of"),
        (case(action='"view"', record='"posts/helo"', expected='"denied"'), "did you mean `posts/hello`?"),
        (case(action='"list"', collection='"posts"', visible='["helo"]'), "did you mean `hello`?"),
        (case(**VIEW, actor='"anna"', expected='"denied"'), "no account among [records] is called `anna`"),
        (case(**VIEW, actor="[]", expected='"denied"'), "case 1: actor: this is"),
        ("[[case]\n", "is no TOML"),
        ("[records.tags]\nx = {}\n" + case(**VIEW, expected='"denied"'), "records.tags.x is no record: there is no such collection"),
        ("[records.posts.late]\nreply = 'never'\n" + case(**VIEW, expected='"denied"'), "records.posts.late is no record: reply: "),
        ("[records.posts.late]\ntitel = 'x'\n" + case(**VIEW, expected='"denied"'), "records.posts.late is no record: titel: "),
    ],
)  # fmt: skip
def test_what_is_no_case_is_refused_with_its_place(tmp_path: Path, cases: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        outcomes(tmp_path, cases)
    assert said in f"{refused.value.detail} {refused.value.hint}"
    assert "`cases.toml`" in refused.value.detail


def test_the_command_ends_with_one_where_a_case_does_not_hold(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(FIXTURES + case(**VIEW, expected='"allowed"'), encoding="utf-8")
    bad.write_text(FIXTURES + case(**VIEW, expected='"denied"'), encoding="utf-8")
    (tmp_path / "schema").mkdir()
    group = commands(Mock(spec=Actions, tried=lambda definitions, file: tried(SCHEMA, file)))

    def run(*files: Path) -> Any:
        return CliRunner().invoke(group, ["rules", "test", *map(str, files), "--dir", str(tmp_path / "schema")])

    assert run(good).exit_code == 0
    assert "1 case in " in run(good).stdout
    done = run(good, bad)
    assert done.exit_code == 1
    assert f"{bad}: guest: view posts/hello\n  expected denied, and it is allowed" in done.stdout
    assert done.stderr.startswith("1 of 2 cases in ")
