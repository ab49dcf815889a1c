"""Commands that extensions declare, behind our own: an extension that does not load keeps none of ours from running."""

from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from typing import Any

import click

from adapters.inbound.cli.terminal import Failed, told
from domain.hooks.declared import Command

Own = Callable[[], Sequence[Command]]
Run = Callable[[str, Mapping[str, Any]], None]


class Commands(click.Group):
    """Ours, and those of extensions, which are loaded only where somebody asks for one that is not ours, or for the list."""

    def __init__(self, name: str, *, own: Own, run: Run, help: str) -> None:
        super().__init__(name, help=help)
        self._own, self._run = own, run

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        ours = super().get_command(ctx, cmd_name)
        if ours is not None:
            return ours
        with told():
            return next((self._made(each) for each in self._own() if each.name == cmd_name), None)

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            return [*super().list_commands(ctx), *sorted(each.name for each in self._own())]
        except Failed as failed:
            click.echo(f"Warning: the commands of extensions are not listed. {failed}", err=True)
            return super().list_commands(ctx)

    def _made(self, command: Command) -> click.Command:
        def run(**options: Any) -> None:
            with told():
                self._run(command.name, options)

        update_wrapper(run, command.run)
        return click.command(command.name)(run)
