"""The command `lowdimbench`: every command under one name, so that a shell can complete it.

lowdimbench --install-completion        for bash, zsh, fish or PowerShell, whichever this shell is
lowdimbench run --task <TAB>
"""

import typer

from runners import check, claims, export, leaderboard, load, new, reproduce, run, show, submit, tune
from runners.cli import run_app

app = typer.Typer(
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Run methods on tasks, and see what is real and what is noise.",
)
app.command("run", epilog=run.EPILOG)(run.main)
for name, module in (
    ("tune", tune),
    ("show", show),
    ("reproduce", reproduce),
    ("check", check),
    ("export", export),
    ("load", load),
):
    app.command(name)(module.main)
app.command("claims", epilog=claims.EPILOG)(claims.main)
app.command("leaderboard", epilog=leaderboard.EPILOG, context_settings=leaderboard.CONTEXT)(leaderboard.main)
app.add_typer(new.app, name="new")
app.add_typer(submit.app, name="submit")


def main() -> None:
    """Entry point of the console script."""
    run_app(app, "lowdimbench")


if __name__ == "__main__":
    main()
