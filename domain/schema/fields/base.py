"""What every field type has in common: its options, how it is read from a definition, and how it judges a value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from domain.errors import Invalid, did_you_mean, invalid
from domain.schema.fields.access import OPEN_TO_ALL, FieldRules, define_field_rules
from domain.schema.kinds import Kind
from domain.schema.names import check_field_name

NOW = "@now"
AUTH_ID = "@request.auth.id"



@dataclass(frozen=True, slots=True)
class Tools:
    """What field types decide with and cannot do themselves in the standard library; each is a port's promise.

    `matches` (pattern, text): whether the RE2 expression matches the whole text. `clean`: the HTML without what could harm its
    readers. `faults` (JSON Schema, value): what is wrong, as (JSON pointer, sentence). Unsound patterns and schemas raise Unfit."""

    matches: Callable[[str, str], bool]
    clean: Callable[[str], str]
    faults: Callable[[Any, Any], Sequence[tuple[str, str]]]


# For what was accepted once and is not judged again.
TRUSTING = Tools(matches=lambda pattern, text: True, clean=lambda html: html, faults=lambda schema, value: ())


# A Python form that is not None -> what is kept beside it, or None.
Form = Callable[[Any], str | None]


class Unfit(Exception):
    """A value that a field refuses; the caller knows where it stood and turns it into a Fault. `places` tells of faults
    deeper in the value, as (JSON pointer, sentence)."""

    def __init__(self, code: str, detail: str, places: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.code, self.detail, self.places = code, detail, tuple(places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A typed column. Building one checks its options, so holding one means that it is sound."""

    name: str
    required: bool = False
    default: Any = None
    unique: bool = False
    hidden: bool = False
    rules: FieldRules = OPEN_TO_ALL

    type: ClassVar[str]
    kind: ClassVar[Kind]
    # `''` and null are one absent value for these types.
    absent_text: ClassVar[bool] = False
    # The client may not write it at all.
    read_only: ClassVar[bool] = False
    magic_defaults: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        self.check_options()

    @property
    def many(self) -> bool:
        """Whether it holds any number of values: its Python form is then a tuple, never None, and `()` is absence."""
        return False

    def check_options(self) -> None:
        """Raises Unfit where two options contradict each other; types extend it."""
        for flag in ("required", "unique", "hidden"):
            if not isinstance(getattr(self, flag), bool):
                raise Unfit("invalid_option", f"`{flag}` is true or false")

    @property
    def forms(self) -> Mapping[str, Form]:
        """What is kept beside a value wherever it is written, by name, and what makes it: `key`, by which a text is equal, sorted
        and unique; `words`, by which it is found."""
        return {}

    @property
    def key(self) -> Form | None:
        """None where the value itself is what it is compared by."""
        return self.forms.get("key")

    def accept(self, value: Any, tools: Tools) -> Any:
        """The Python form (see Kind) of a value from a body that is not null, or Unfit; nothing is coerced or rounded."""
        raise NotImplementedError

    def fits_default(self, tools: Tools) -> None:
        """Raises Unfit where the default is no value of this field."""
        if self.literal_default is not None:
            self.accept(self.literal_default, tools)

    @property
    def literal_default(self) -> Any:
        """The default where it is a value; None where it is a word that stands for one (`@now`), or absent."""
        # A json default may be an object, which no set can be asked for.
        is_word = isinstance(self.default, str) and self.default in self.magic_defaults
        return None if is_word else self.default

    def definition(self) -> dict[str, Any]:
        """The field as its JSON definition, without the options that stand at their defaults."""
        options: dict[str, Any] = {"name": self.name, "type": self.type}
        for option in fields(self):
            value = getattr(self, option.name)
            if value != option.default:
                options[option.name] = _written(value)
        return options


TYPES: dict[str, type[Field]] = {}


def field_type(cls: type[Field]) -> type[Field]:
    """Registers a field class under its `type`."""
    TYPES[cls.type] = cls
    return cls


def define(definition: Any, pointer: str, tools: Tools) -> Field:
    """A field from its JSON definition; unknown types and options are refused by name."""
    if not isinstance(definition, Mapping):
        raise invalid(pointer, "invalid_field", "a field is an object with `name` and `type`")
    name = check_field_name(definition.get("name"), f"{pointer}/name")
    cls = TYPES.get(str(definition.get("type")))
    if cls is None:
        raise _unknown_type(str(definition.get("type")), f"{pointer}/type")
    options = {key: value for key, value in definition.items() if key not in ("name", "type")}
    _refuse_unknown(cls, options, pointer)
    try:
        field = cls(name=name, **{key: _read(cls, key, value, f"{pointer}/{key}") for key, value in options.items()})
        field.fits_default(tools)
    except Unfit as unfit:
        raise invalid(pointer, unfit.code, f"field `{name}`: {unfit.detail}") from unfit
    return field


# What PocketBase calls a type or an option that is here under another name.
_ELSEWHERE = {"editor": "richtext", "geoPoint": "geo", "maxSelect": "many", "minSelect": "min", "cascadeDelete": "on_delete"}


def _unknown_type(type: str, pointer: str) -> Invalid:
    hint = did_you_mean(_ELSEWHERE.get(type, type), list(TYPES)) or f"types are {', '.join(TYPES)}"
    if type == "password":
        hint = "accounts have a password by themselves: make it a collection of `type: accounts`"
    return invalid(pointer, "unknown_type", f"no field type `{type[:80]}`", hint=hint)


def _refuse_unknown(cls: type[Field], options: Mapping[str, Any], pointer: str) -> None:
    known = {option.name: option for option in fields(cls) if option.name != "name"}
    for key in options:
        if key not in known:
            hint = did_you_mean(_ELSEWHERE.get(key, key), list(known)) or f"options of {cls.type} are {', '.join(known)}"
            raise invalid(f"{pointer}/{key}", "unknown_option", f"type {cls.type} has no option `{key}`", hint=hint)
    for key, option in known.items():
        if option.default is MISSING and key not in options:
            raise invalid(pointer, "missing_option", f"type {cls.type} needs the option `{key}`")


def _read(cls: type[Field], option: str, value: Any, pointer: str) -> Any:
    if option == "rules":
        return define_field_rules(value, pointer, read_only=cls.read_only)
    return tuple(value) if isinstance(value, list) else value


def _written(value: Any) -> Any:
    if isinstance(value, FieldRules):
        return value.definition()
    return list(value) if isinstance(value, tuple) else value


def checked_bounds(low: Any, high: Any, is_bound: Callable[[Any], bool], what: str) -> None:
    """Raises Unfit unless `min` and `max` are absent or such bounds, in order."""
    for name, bound in (("min", low), ("max", high)):
        if bound is not None and not is_bound(bound):
            raise Unfit("invalid_option", f"`{name}` is {what}")
    if low is not None and high is not None and low > high:
        raise Unfit("invalid_option", "`min` is greater than `max`")
