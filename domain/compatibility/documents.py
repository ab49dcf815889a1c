"""An OpenAPI 3 document as plain data: its operations, and references followed within it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Invalid

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LONGEST_CHAIN = 30


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    item: Mapping[str, Any]
    shared: tuple[Any, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class Document:
    """Invalid where it is none: then nothing can be said of it."""

    content: Mapping[str, Any]

    def __post_init__(self) -> None:
        version = self.content.get("openapi") if isinstance(self.content, Mapping) else None
        if not isinstance(version, str) or not version.startswith("3."):
            raise Invalid("this is no OpenAPI 3 document: `openapi` tells no version of it", code="invalid_document")
        if not isinstance(self.content.get("paths", {}), Mapping):
            raise Invalid("this is no OpenAPI 3 document: `paths` is no object", code="invalid_document")

    def operations(self) -> dict[tuple[str, str], Operation]:
        """By method, and path with its parameters' names left out: those mean nothing to a client."""
        found = {}
        for path, item in self.content.get("paths", {}).items():
            item = self.followed(item)
            for method in METHODS:
                if isinstance(item.get(method), Mapping):
                    shared = item.get("parameters")
                    own = tuple(shared) if isinstance(shared, list) else ()
                    found[method, _anonymous(path)] = Operation(method, path, item[method], own)
        return found

    def parameters(self, operation: Operation) -> dict[tuple[str, str], Mapping[str, Any]]:
        """By place and name; those of the path are told by their order instead."""
        listed = operation.item.get("parameters")
        every = [self.followed(each) for each in (*operation.shared, *(listed if isinstance(listed, list) else ()))]
        return {(str(each.get("in")), str(each.get("name"))): each for each in every if each.get("in") != "path"}

    def contents(self, holder: Any) -> dict[str, Any]:
        """The schema of each media type of a body or answer."""
        content = self.followed(holder).get("content")
        return {kind: self.followed(each).get("schema", {}) for kind, each in _mapping(content).items()}

    def responses(self, operation: Operation) -> dict[str, Mapping[str, Any]]:
        return {str(status): self.followed(each) for status, each in _mapping(operation.item.get("responses")).items()}

    def security(self, operation: Operation) -> tuple[frozenset[str], ...]:
        """The alternatives, each as the names of its schemes; none named: nobody has to be known."""
        listed = operation.item.get("security", self.content.get("security", []))
        alternatives = tuple(frozenset(each) for each in listed if isinstance(each, Mapping)) if isinstance(listed, list) else ()
        return alternatives or (frozenset(),)

    def followed(self, value: Any) -> Mapping[str, Any]:
        """What a reference leads to; an empty object where it leads nowhere."""
        for _ in range(_LONGEST_CHAIN):
            target = value.get("$ref") if isinstance(value, Mapping) else None
            if not isinstance(target, str):
                return _mapping(value)
            value = self._at(target)
        return {}

    def _at(self, pointer: str) -> Any:
        value: Any = self.content
        for part in _parts(pointer):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def _parts(pointer: str) -> Iterator[str]:
    """Of a reference into the document itself; others are never fetched."""
    if not pointer.startswith("#/"):
        yield "\0nowhere"
        return
    yield from (part.replace("~1", "/").replace("~0", "~") for part in pointer[2:].split("/"))


def _anonymous(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
