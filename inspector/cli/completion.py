"""``inspector completion``."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> None:
    r"""Print the script that completes commands and flags in a shell.

    \b
    bash: eval "$(inspector completion bash)" in ~/.bashrc
    zsh:  eval "$(inspector completion zsh)" in ~/.zshrc, after compinit
    fish: inspector completion fish > ~/.config/fish/completions/inspector.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "inspector", "_INSPECTOR_COMPLETE").source())
