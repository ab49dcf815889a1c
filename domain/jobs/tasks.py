"""What a registered job promises: its arguments by type, its queue, how often and for how long it is tried, and which asks are one."""

import inspect
import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, Union, get_args, get_origin

from domain.errors import Fault, Invalid, did_you_mean
from domain.jobs.job import DEFAULT_QUEUE, check_queue
from domain.jobs.retrying import FIRST_WAIT, TRIES

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39})?")
# A job that needs more says where it is: rows hold what is large.
MOST_BYTES = 64 * 1024
MOST_DEEP = 32
PRIORITIES = (-10, 10)
# For how long two asks with the same key are one: until the job begins, until it is over, or as long as it can be looked up.
Once = Literal["waiting", "unfinished", "kept"]
ONCE = get_args(Once)
# What says when and how, and so names no argument.
SAID = ("name", "at", "key", "priority")


class UnfitTask(ValueError):
    """A mistake of whoever registers a job, for their eyes."""


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    function: Callable[..., Any]
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    tries: int = TRIES
    wait: timedelta = FIRST_WAIT
    timeout: timedelta = timedelta(minutes=10)
    once: Once = "unfinished"
    kept: timedelta = timedelta(days=1)
    parameters: Mapping[str, inspect.Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for is_wrong, why in (
            (not _NAME.fullmatch(self.name), "a job's name is like `digest` or `blog.digest`: a-z, 0-9 and _"),
            (not PRIORITIES[0] <= self.priority <= PRIORITIES[1], f"a priority is from {PRIORITIES[0]} to {PRIORITIES[1]}"),
            (not 1 <= self.tries <= 1000, "a job is tried 1 to 1000 times"),
            (self.wait <= timedelta(0), "the wait before the second try is longer than nothing"),
            (self.timeout < timedelta(milliseconds=100), "a time limit is 0.1 seconds or longer"),
            (self.once not in ONCE, f"`once` is one of {', '.join(ONCE)}"),
            (self.kept < timedelta(0), "a result cannot be kept for less than no time"),
        ):
            if is_wrong:
                raise UnfitTask(f"{why}, which `{self.name[:60]}` is not given")
        check_queue(self.queue)

    def check(self, arguments: Mapping[str, Any]) -> str:
        """The arguments as JSON; Invalid, with the name of each that is wrong."""
        faults = [*self._unknown(arguments), *self._missing(arguments), *self._unfit(arguments)]
        if faults:
            hint = next((did_you_mean(name, list(self.parameters)) for name in arguments if name not in self.parameters), None)
            told = f"`{self.name}` cannot be asked like this: {faults[0].detail}"
            raise Invalid(told, code="invalid_job", faults=tuple(faults), hint=hint)
        return written(arguments, f"the arguments of `{self.name}`")

    def _unknown(self, arguments: Mapping[str, Any]) -> list[Fault]:
        return [
            Fault(f"/{name}", "unknown_field", f"there is no argument `{name}`")
            for name in arguments
            if name not in self.parameters
        ]

    def _missing(self, arguments: Mapping[str, Any]) -> list[Fault]:
        needed = (name for name, each in self.parameters.items() if each.default is inspect.Parameter.empty)
        return [Fault(f"/{name}", "required", f"the argument `{name}` is missing") for name in needed if name not in arguments]

    def _unfit(self, arguments: Mapping[str, Any]) -> list[Fault]:
        return [
            Fault(f"/{name}", "unfit_argument", f"`{name}` is {_told(each.annotation)}")
            for name, each in self.parameters.items()
            if name in arguments and not fits(arguments[name], each.annotation)
        ]


def task_of(name: str, function: Callable[..., Any], **said: Any) -> Task:
    """UnfitTask where its arguments could not be carried as JSON."""
    task = Task(name, function, **said)
    parameters = inspect.signature(function, eval_str=True).parameters
    for each in parameters.values():
        _check_parameter(name, each)
    return replace(task, parameters=types.MappingProxyType(dict(parameters)))


def _check_parameter(name: str, each: inspect.Parameter) -> None:
    if each.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
        raise UnfitTask(f"`{name}` takes its arguments by name: `{each.name}` cannot be given so")
    if each.name in SAID:
        raise UnfitTask(f"`{name}` cannot have an argument `{each.name}`: that says when and how a job runs")
    if not _can_be_carried(each.annotation):
        raise UnfitTask(f"`{name}` has an argument `{each.name}` of a type that JSON does not carry: {each.annotation!r}")


_PLAIN: Mapping[Any, tuple[type, ...]] = {
    str: (str,), bool: (bool,), int: (int,), float: (int, float), None: (types.NoneType,), types.NoneType: (types.NoneType,),
    list: (list, tuple), dict: (dict,), tuple: (list, tuple),
}  # fmt: skip
_ANYTHING = (Any, object, inspect.Parameter.empty)
_UNIONS = (Union, types.UnionType)


def fits(value: Any, annotation: Any) -> bool:
    if annotation in _ANYTHING:
        return True
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in _UNIONS:
        return any(fits(value, each) for each in inner)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in inner)
    if origin is list:
        return isinstance(value, list | tuple) and all(fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(isinstance(key, str) and fits(each, inner[1]) for key, each in value.items())
    # True is no number here, though Python takes it for one.
    return isinstance(value, _PLAIN[annotation]) and (annotation is bool or not isinstance(value, bool))


def _can_be_carried(annotation: Any) -> bool:
    if annotation in _ANYTHING:
        return True
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return all(isinstance(each, str | int | bool | None) for each in inner)
    if origin is dict:
        return inner[0] is str and _can_be_carried(inner[1])
    if origin is list or origin in _UNIONS:
        return all(_can_be_carried(each) for each in inner)
    return origin is None and annotation in _PLAIN


def _told(annotation: Any) -> str:
    return "`" + (annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")) + "`"


def written(value: Any, what: str) -> str:
    """As JSON that both databases keep, and that is the same when it is read again."""
    if not _is_shallow(value, MOST_DEEP):
        raise Invalid(f"{what} are nested more than {MOST_DEEP} deep", code="invalid_job")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise Invalid(f"{what} are no JSON", code="invalid_job", hint="give ids and plain values, and read the rest in the job") from error
    if size > MOST_BYTES:
        raise Invalid(f"{what} are longer than {MOST_BYTES} bytes", code="job_too_large", hint="keep them in a record, and give its id")
    return text


def _is_shallow(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list | tuple):
        return True
    return left > 0 and all(_is_shallow(each, left - 1) for each in (value.values() if isinstance(value, dict) else value))
