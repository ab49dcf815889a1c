"""A record as a form sends it (multipart/form-data): texts become values of their fields, files are received one by one as they come, and
both together are the body that a JSON request would have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.errors import Fault, Invalid, TooLarge, did_you_mean, invalid
from domain.schema.collection import Collection
from domain.schema.fields import Field, FileField
from domain.schema.fields.files import KeptFile
from domain.schema.kinds import Kind

# The part that holds an object of values, for what a text cannot say.
WHOLE = "@json"
_MOST_TEXTS = 1_000
# Kinds whose values are the text itself; of the others the text is JSON.
_TEXTUAL = (Kind.TEXT, Kind.DATE, Kind.DAY, Kind.DECIMAL)


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it comes: `chunks` are read once, before the next part is asked for. `filename` is None of a text."""

    name: str
    filename: str | None
    chunks: Iterator[bytes]


@dataclass(slots=True)
class Form:
    """Gathers the parts of one request. `parse` reads JSON as strictly as bodies are read; `most_text` is how many bytes all texts may
    have together."""

    collection: Collection
    parse: Callable[[bytes], Any]
    most_text: int
    changing: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)
    _read: int = 0
    _texts: int = 0

    def file_field(self, name: str) -> FileField:
        """The field that this part is a file of, with room for one more; Invalid where there is none."""
        bare = name[:-1] if self.changing and name.endswith("+") else name
        found = file_field(self.collection, bare, f"/{name[:80]}")
        if bare != name and not found.many:
            raise invalid(f"/{name}", "not_a_list", f"`{bare}` holds one file", hint=f"send the part as `{bare}` to replace it")
        if self._count(name) >= found.most:
            raise invalid(f"/{name}", "too_many", f"`{bare}` holds {'at most ' * found.many}{found.most} file{'s' * found.many}")
        return found

    def add_file(self, name: str, file: KeptFile, of: FileField) -> None:
        if of.many:
            self._append(name, file)
        else:
            self._set(name, file)

    def add_text(self, part: Part) -> None:
        raw = self._gathered(part)
        if part.name == WHOLE:
            self._add_whole(raw)
            return
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise invalid(f"/{part.name[:80]}", "invalid_utf8", "this part is not UTF-8") from None
        bare = part.name[:-1] if part.name[-1:] in ("+", "-") else part.name
        found = self.collection.every_field.get(bare)
        if found is not None and found.many:
            self._add_listed(part.name, text)
        else:
            # A name that is none of a field is refused with the rest of the body, by its name.
            self._set(part.name, text if found is None else self._value(found, part.name, text, raw))

    def _add_listed(self, name: str, text: str) -> None:
        """An empty text is no element: alone it says that there is none."""
        if text:
            self._append(name, text)
        elif name not in self.body:
            self.body[name] = []
            self._listed.add(name)

    def _value(self, of: Field, name: str, text: str, raw: bytes) -> Any:
        if not text:
            return None if of.kind is not Kind.TEXT else text
        if of.kind in _TEXTUAL or isinstance(of, FileField):
            return text
        try:
            return self.parse(raw)
        except (Invalid, TooLarge) as refused:
            raise invalid(f"/{name}", "not_a_value", f"`{name}` is of type {of.type}: write its value as JSON has it") from refused

    def _add_whole(self, raw: bytes) -> None:
        values = self.parse(raw)
        if not isinstance(values, Mapping):
            raise invalid("", "not_an_object", f"the part `{WHOLE}` must be a JSON object")
        for name, value in values.items():
            self._set(name, value)

    def _gathered(self, part: Part) -> bytes:
        self._texts += 1
        if self._texts > _MOST_TEXTS:
            raise TooLarge(f"a form has at most {_MOST_TEXTS} texts", code="too_many_values")
        gathered = bytearray()
        for chunk in part.chunks:
            self._read += len(chunk)
            if self._read > self.most_text:
                raise TooLarge("the texts of the form are larger than allowed")
            gathered += chunk
        return bytes(gathered)

    def _count(self, name: str) -> int:
        present = self.body.get(name)
        return len(present) if name in self._listed else 1 if name in self.body else 0  # type: ignore[arg-type]  # it is a list

    def _append(self, name: str, value: Any) -> None:
        if name not in self._listed:
            self._set(name, [])
            self._listed.add(name)
        self.body[name].append(value)

    def _set(self, name: str, value: Any) -> None:
        if name in self.body:
            detail = f"`{name[:80]}` is there twice"
            raise Invalid(detail, code="duplicate_key", faults=(Fault(f"/{name[:80]}", "duplicate_key", detail),))
        self.body[name] = value


def file_field(collection: Collection, name: str, pointer: str) -> FileField:
    """Invalid where there is none of that name; hidden ones are not told of."""
    known = {each.name: each for each in collection.file_fields}
    if name in known:
        return known[name]
    shown = [each.name for each in collection.file_fields if not each.hidden]
    other, listed = collection.every_field.get(name), f"file fields are {', '.join(shown)}"
    if other is not None and not other.hidden:
        raise invalid(pointer, "not_a_file_field", f"`{name}` is no file field", hint=listed)
    raise invalid(pointer, "unknown_field", f"no field `{name[:80]}`", hint=did_you_mean(name, shown) or listed)
