"""Sort lists such as `-views,author.name`: names of single stored values, each with its direction."""

from domain.rules.parse import parse_name
from domain.rules.paths import Scope, resolve
from domain.rules.syntax import MAX_CHARACTERS, MAX_SORT_KEYS, Name, Source
from domain.rules.tree import Path
from domain.schema.kinds import Kind


def check_sort(text: str, scope: Scope) -> tuple[tuple[Path, bool], ...]:
    """The keys of a sort list such as `-views,author.name`: each path, and whether it descends."""
    source = Source(text, scope.pointer)
    if len(text) > MAX_CHARACTERS:
        raise source.beyond("characters", 0, f"a rule, filter or sort has at most {MAX_CHARACTERS} characters")
    keys: list[tuple[Path, bool]] = []
    at = 0
    for written in text.split(",") if text else ():
        key = _sort_key(written, at, scope, source)
        if any(key[0] == earlier[0] for earlier in keys):
            raise source.refusal("duplicate_name", at, f"`{key[0].name}` is sorted by twice")
        keys.append(key)
        if len(keys) > MAX_SORT_KEYS:
            raise source.beyond("sort_keys", at, f"at most {MAX_SORT_KEYS} keys to sort by")
        at += len(written) + 1
    return tuple(keys)


def _sort_key(written: str, at: int, scope: Scope, source: Source) -> tuple[Path, bool]:
    word = written.strip(" ")
    at += len(written) - len(written.lstrip(" "))
    signed = word[:1] in ("-", "+")
    if not word[signed:]:
        raise source.refusal("syntax_error", at, "the name of a field is missing here", "write `-views,title`")
    path = _path_of(parse_name(word[signed:], source, at + signed), scope, source)
    if path.many or path.modifier:
        raise source.refusal("not_allowed", at, f"`{word[signed:][:80]}` is no single stored value to sort by", mending(path))
    if path.kind is Kind.JSON:
        # The engines order mixed JSON values differently.
        raise source.refusal("not_allowed", at, f"`{word[signed:][:80]}` is json, which has no order")
    return path, word[0] == "-"


def mending(path: Path) -> str | None:
    """What to ask instead of a path that has many values for a record."""
    if any(step.many for step in path.steps):
        return f"a record may lead to many `{path.collection}`: ask that collection itself, or go by relations to one record"
    return f"`{path.name}` holds many values: go by a field that holds one" if path.elements else None


def _path_of(name: Name, scope: Scope, source: Source) -> Path:
    found = resolve(name, scope, source).operand
    if not isinstance(found, Path):
        raise source.refusal("not_allowed", name.at, f"`{name.written}` is no field of a record")
    return found
