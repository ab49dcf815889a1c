"""Puts what extensions declare in its place: before hooks into the unit of work, after hooks behind the outbox, jobs into the registry."""

from collections.abc import Mapping, Sequence
from functools import partial

from app.extend import Extension
from app.settings import SettingsError
from app.usecases.backend import Backend
from domain.events import Told
from domain.hooks.chain import AFTER, Chain, Hook, in_order, kind_of
from domain.hooks.declared import read_settings
from ports.unit_of_work import UnitOfWork


def attach(extensions: Sequence[Extension], backend: Backend, work: UnitOfWork, environ: Mapping[str, str]) -> None:
    """Undeclarable where they contradict each other, SettingsError where `environ` has what none of them reads. The database is at this
    version: after hooks are entered there."""
    mistakes = read_settings([setting for extension in extensions for setting in extension.settings], environ)
    if mistakes:
        raise SettingsError(tuple(mistakes))
    hooks = in_order(hook for extension in extensions for hook in extension.hooks)
    work.ask(Chain(hooks, backend))
    for job in (job for extension in extensions for job in extension.jobs):
        backend.jobs.register(job.name, partial(job.run, backend), **job.options)
        if job.every or job.cron:
            backend.schedules.declare(job.name, job.every, job.cron, job.zone)
    for hook in hooks:
        if hook.when == AFTER:
            backend.events.subscribe(_subscriber(hook), [kind_of(hook)], partial(_hear, hook, backend))


def _subscriber(hook: Hook) -> str:
    """Under this name its progress is kept, so another event is another subscriber, and each fails by itself."""
    return f"hook {hook.event} {hook.name}"




def _hear(hook: Hook, backend: Backend, event: Told) -> None:
    if hook.collection in (None, event.collection):
        hook.run(event, backend)
