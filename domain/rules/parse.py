"""From text to syntax. Nothing is looked up here: a text that parses may still name what is not there.

The grammar is PocketBase's filter language with `!( )`, `in`, durations on dates, lone booleans and functions. Quoted text has
its only escape: a backslash before the quote that opened it; every other backslash is itself.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import Invalid
from domain.rules.functions import LONGEST_MOVE
from domain.rules.syntax import (
    MAX_CHARACTERS,
    MAX_COMPARISONS,
    MAX_NESTING,
    Alone,
    Called,
    Compared,
    Either,
    Every,
    Expr,
    Listed,
    Macro,
    Moved,
    Name,
    Negated,
    Number,
    Operand,
    Source,
    Text,
    Word,
)

MACROS = frozenset({
    "@now", "@second", "@minute", "@hour", "@day", "@weekday", "@month", "@year", "@yesterday", "@tomorrow",
    "@todayStart", "@todayEnd", "@monthStart", "@monthEnd", "@yearStart", "@yearEnd",
})  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}
_COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<=", "~", "!~"})
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LARGEST = Decimal("1.7976931348623157e308")

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*)
      | (?P<text>'(?:[^'\\]|\\'?+)*+'|"(?:[^"\\]|\\"?+)*+")
      | (?P<duration>\d+[smhdw](?![\w.]))
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<name>@?[A-Za-z_]\w*(?:[.:]\w+)*)
      | (?P<sign>&&|\|\||\?(?:!=|!~|>=|<=|=|>|<|~)|!=|!~|>=|<=|=|>|<|~|\?(?=(?:not|in)\b)|[!(),+-])""",
    re.ASCII | re.VERBOSE,
)
# What people bring from other languages.
_MEANT = {"==": "=", "===": "=", "<>": "!=", "&": "&&", "|": "||", "and": "&&", "or": "||", "AND": "&&", "OR": "||", "IN": "in",
          "NOT": "not", "like": "~", "LIKE": "~", "is": "=", "IS": "=", "TRUE": "true", "FALSE": "false", "NULL": "null",
          "True": "true", "False": "false", "None": "null", "nil": "null", "undefined": "null"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # text, duration, number, name, sign or end
    text: str
    at: int


def parse(text: str, pointer: str = "") -> Expr:
    """The syntax of a rule or a filter; Invalid with the place where it is none. `pointer` is where the asker wrote it."""
    return _Parser(Source(text, pointer)).whole()


def parse_name(text: str, source: Source, at: int) -> Name:
    """One path, as sort lists and expand write it."""
    found = _TOKEN.fullmatch(text)
    if found is None or found.lastgroup != "name":
        raise source.refusal("syntax_error", at, f"`{text[:80]}` is not the name of a field")
    return _name(source, _Token("name", text, at))


class _Parser:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = _tokens(source)
        self._next = 0
        self._depth = 0
        self._comparisons = 0

    def whole(self) -> Expr:
        if self._token.kind == "end":
            raise self._refusal("an expression is missing here")
        found = self._either()
        if self._token.kind != "end":
            raise self._unexpected("`&&`, `||` or the end")
        return found

    def _either(self) -> Expr:
        items = [self._every()]
        while self._took("||"):
            items.append(self._every())
        return items[0] if len(items) == 1 else Either(tuple(items))

    def _every(self) -> Expr:
        items = [self._term()]
        while self._took("&&"):
            items.append(self._term())
        return items[0] if len(items) == 1 else Every(tuple(items))

    def _term(self) -> Expr:
        if self._took("!"):
            if self._token.text != "(":
                raise self._refusal("`!` stands before parentheses", hint="write `!( … )`")
            self._take()
            return Negated(self._enclosed())
        if self._took("("):
            return self._enclosed()
        return self._comparison()

    def _enclosed(self) -> Expr:
        """What stands in parentheses; the opening one is taken already."""
        self._enter()
        inner = self._either()
        self._close()
        return inner

    def _comparison(self) -> Expr:
        at = self._token.at
        left = self._operand()
        self._count(at)
        token = self._token
        if token.kind == "sign" and token.text.removeprefix("?") in _COMPARISONS:
            self._take()
            return Compared(token.text.removeprefix("?"), left, self._operand(), token.text.startswith("?"), token.at)
        if token.text == "?" or (token.kind == "name" and token.text in ("in", "not")):
            return self._listed(left)
        return Alone(left, at)

    def _listed(self, operand: Operand) -> Expr:
        at = self._token.at
        any_ = self._took("?")
        negated = self._took_name("not")
        if not self._took_name("in"):
            raise self._unexpected("`in`")
        if not self._took("("):
            raise self._unexpected("`(`")
        return Listed(operand, self._operands("at least one value"), any_, negated, at)

    def _operands(self, needed: str | None) -> tuple[Operand, ...]:
        """A list up to its closing parenthesis; each value of an `in` counts as a comparison."""
        self._enter()
        items: list[Operand] = []
        if self._token.text != ")" or self._token.kind != "sign":
            items.append(self._operand())
            while self._took(","):
                self._count(self._token.at)
                items.append(self._operand())
        elif needed:
            raise self._refusal(f"{needed} is missing here")
        self._close()
        return tuple(items)

    def _operand(self) -> Operand:
        found = self._plain_operand()
        seconds = 0
        while self._token.text in ("+", "-") and self._token.kind == "sign":
            sign = self._take()
            if self._token.kind != "duration":
                raise self._unexpected("a duration such as 7d", "units are s, m, h, d and w; a date is all that can be moved")
            seconds += self._duration(sign.text)
            found = Moved(found.operand if isinstance(found, Moved) else found, seconds, sign.at)
        return found

    def _duration(self, sign: str) -> int:
        token = self._take()
        seconds = int(token.text[:-1]) * _UNITS[token.text[-1]]
        if seconds > LONGEST_MOVE:
            raise self._source.beyond("duration", token.at, "a date is moved by at most 10,000 years")
        return -seconds if sign == "-" else seconds

    def _plain_operand(self) -> Operand:
        token = self._token
        if token.kind == "text":
            return self._text(self._take())
        if token.kind == "number":
            return self._number(self._take(), 1)
        if token.text == "-" and self._tokens[self._next + 1].kind == "number":
            self._take()
            return self._number(self._take(), -1)
        if token.kind == "name" and token.text not in ("in", "not"):
            return self._named(self._take())
        raise self._unexpected("a value")

    def _text(self, token: _Token) -> Text:
        quote = token.text[0]
        return Text(token.text[1:-1].replace("\\" + quote, quote), token.at)

    def _number(self, token: _Token, sign: int) -> Number:
        head, _, exponent = token.text.lower().partition("e")
        if len(head) > 400 or len(exponent) > 4 or abs(int(exponent or 0)) > 400:
            raise self._source.beyond("number", token.at, "a number is written with at most 400 digits")
        exact = Decimal(token.text)
        if exact > _LARGEST:
            raise self._source.beyond("number", token.at, "no number is larger than 1.7976931348623157e308")
        if exact.as_integer_ratio()[1] == 1:
            return Number(sign * int(exact), token.at)
        return Number(exact.copy_negate() if sign < 0 else exact, token.at)

    def _named(self, token: _Token) -> Operand:
        if self._token.text == "(" and self._token.kind == "sign":
            if not token.text.isalpha():
                raise self._source.refusal("syntax_error", token.at, f"`{token.text[:80]}` is not the name of a function")
            self._take()
            return Called(token.text, self._operands(None), token.at)
        if token.text in _WORDS:
            return Word(_WORDS[token.text], token.at)
        if token.text in MACROS:
            return Macro(token.text, token.at)
        return _name(self._source, token)

    # --- tokens

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _took(self, sign: str) -> bool:
        return self._took_if("sign", sign)

    def _took_name(self, name: str) -> bool:
        return self._took_if("name", name)

    def _took_if(self, kind: str, text: str) -> bool:
        token = self._tokens[self._next]
        if token.kind != kind or token.text != text:
            return False
        self._next += 1
        return True

    def _close(self) -> None:
        if not self._took(")"):
            raise self._unexpected("`)`")
        self._depth -= 1

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._source.beyond("nesting", self._tokens[self._next - 1].at, f"parentheses nest at most {MAX_NESTING} deep")

    def _count(self, at: int) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            detail = f"at most {MAX_COMPARISONS} comparisons, each value of an `in` counting as one"
            raise self._source.beyond("comparisons", at, detail)

    def _refusal(self, detail: str, hint: str | None = None) -> Invalid:
        return self._source.refusal("syntax_error", self._token.at, detail, hint)

    def _unexpected(self, wanted: str, hint: str | None = None) -> Invalid:
        token = self._token
        found = "the text ends" if token.kind == "end" else f"`{token.text[:40]}` stands here"
        meant = _MEANT.get(token.text)
        return self._refusal(f"{found} where {wanted} is expected", f"did you mean `{meant}`?" if meant else hint)


def _tokens(source: Source) -> list[_Token]:
    text, at = source.text, 0
    if len(text) > MAX_CHARACTERS:
        raise source.beyond("characters", 0, f"a rule, filter or sort has at most {MAX_CHARACTERS} characters")
    tokens: list[_Token] = []
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _stray(source, at)
        if found.lastgroup != "space":
            tokens.append(_token(source, found))
        at = found.end()
    return [*tokens, _Token("end", "", len(text))]


def _token(source: Source, found: re.Match[str]) -> _Token:
    token = _Token(found.lastgroup or "", found.group(), found.start())
    if token.kind == "text":
        for at, character in enumerate(token.text):
            if character == "\0" or "\ud800" <= character <= "\udfff":
                raise source.refusal("syntax_error", token.at + at, "text may not hold NUL or a lone surrogate")
    return token


def _stray(source: Source, at: int) -> Invalid:
    """A character that begins nothing."""
    character = source.text[at]
    if character in "'\"":
        return source.refusal("syntax_error", at, f"the text that begins here has no closing {character}")
    if character.isdigit():
        return source.refusal("syntax_error", at, "this is neither a number nor a name")
    shown = f"`{character}`" if character.isprintable() else "this character"
    plain = unicodedata.normalize("NFKC", character)
    known = _MEANT.get(plain) or _LOOKALIKES.get(character) or (plain if plain != character and plain.isascii() else None)
    hint = f"did you mean `{known}`?" if known and known.strip() else None
    return source.refusal("syntax_error", at, f"{shown} (U+{ord(character):04X}) means nothing here", hint)


_LOOKALIKES = {"≠": "!=", "≤": "<=", "≥": ">=", "∧": "&&", "∨": "||", "¬": "!", "‘": "'", "’": "'", "“": '"', "”": '"',
               "∼": "~", "−": "-", "–": "-", "∈": "in", "꓿": "=", "᐀": "=", "‹": "<", "›": ">"}  # fmt: skip


def _name(source: Source, token: _Token) -> Name:
    """Splits `@collection.NAME:alias.field:modifier`; elsewhere a colon stands at the end alone."""
    body, colon, modifier = token.text, "", ""
    alias = None
    if token.text.startswith("@collection."):
        head, _, rest = token.text.removeprefix("@collection.").partition(".")
        name, has_alias, alias_text = head.partition(":")
        alias = alias_text if has_alias and rest else None
        body = f"@collection.{name}.{rest}" if rest and has_alias else token.text
    body, colon, modifier = body.partition(":")
    if "." in modifier or ":" in modifier or (alias is not None and ":" in alias):
        raise source.refusal("syntax_error", token.at, f"a modifier stands at the end of a path, in `{token.text[:80]}` it does not")
    return Name(tuple(body.split(".")), token.at, modifier if colon else None, alias)
