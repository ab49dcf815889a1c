"""Rules of PocketBase in our words. Whether a rule can be kept is the rule language's to say; here is told what it means otherwise."""

import re
from collections.abc import Container, Iterator, Mapping

# Texts and comments stay as they are, and so does what a request brings by names of its own.
_PARTS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|//[^\n]*|@request\.(?:headers|query)\.\w+|@\w+|[A-Za-z_]\w*""")
_QUOTED = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|//[^\n]*)""")
# A list that a path ends with, before an operator or behind one; `:each`, `:length` and what lies behind the list are none of these.
_BEFORE = re.compile(r"(?P<name>(?<![\w:])[A-Za-z_]\w*)(?P<gap>\s*)(?P<op>[?!]*[=~<>]=?)")
_BEHIND = re.compile(r"[=~<>]\s*(?:@?\w+\.)*(?P<name>[A-Za-z_]\w*)(?![\w.:(])")
_OWN_ID = re.compile(r"(?<![\w.])id\s*=\s*@request\.auth\.id\b")
# A comparison of a field with what the account holds, not with a text or number that is written there.
_WITH_ACCOUNT = re.compile(
    r"""[=~<>]\s*@request\.auth\.|@request\.auth\.[\w.:]+\s*(?:\?|!)*[=~<>]+\s*(?!['"@\d]|null\b|true\b|false\b)[A-Za-z_]"""
)
_SIGNED_IN = re.compile(r"""@request\.auth\.id\s*!=\s*(''|""|null)""")
_LIKE_FIELD = re.compile(r"~\s*(?!true\b|false\b|null\b)[A-Za-z_][\w.]*(?!\w*\()")


def in_our_words(rule: str, words: Mapping[str, str]) -> str:
    return _PARTS.sub(lambda part: _word(part[0], words), rule).replace("@request.data.", "@request.body.")


def with_lists(text: str, lists: Container[str]) -> str:
    """There, a list stands for its JSON text. `~` finds one of its elements in that, so it becomes `?~`; for anything else compare
    `unlike_lists`. `lists` are names of fields of many values."""
    def asked(found: re.Match[str]) -> str:
        return f"{found['name']}{found['gap']}?~" if found["op"] == "~" and found["name"] in lists else found[0]

    pieces = _QUOTED.split(text)
    # Every second piece is a text or a comment.
    return "".join(piece if at % 2 else _BEFORE.sub(asked, piece) for at, piece in enumerate(pieces))


def unlike_lists(text: str, lists: Container[str]) -> str | None:
    """The first list that is compared as a whole, which is never equal to one of its elements there and may be here."""
    bare = _PARTS.sub(lambda part: "''" if part[0][0] in "'\"/" else part[0], text)
    before = (found["name"] for found in _BEFORE.finditer(bare) if "~" not in found["op"])
    behind = (found["name"] for found in _BEHIND.finditer(bare))
    return next((name for name in (*before, *behind) if name in lists), None)


def _word(text: str, words: Mapping[str, str]) -> str:
    if text[0] in "'\"/@":
        return "'file'" if text[1:-1] == "protectedFile" else text
    if text in words:
        return words[text]
    target, via, field = text.partition("_via_")
    return f"{words.get(target, target)}{via}{words.get(field, field)}"


def differences(rule: str) -> Iterator[str]:
    """What a rule that is kept means otherwise here."""
    if _WITH_ACCOUNT.search(_OWN_ID.sub("", rule)) and not _SIGNED_IN.search(rule):
        yield "a guest owns nothing here: false for guests where the field is empty (there it was true)"
    if _LIKE_FIELD.search(rule):
        yield "a field on the right of `~` is taken literally here, `%` and `_` in it too"
