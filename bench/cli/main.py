"""`bench`: the command, its subcommands, and how errors are printed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bench.core.errors import REFUSED, UserError, did_you_mean, refusal, single_line
from bench.core.interrupts import interrupt_on_sigterm
from bench.core.leftovers import sweep_scratch
from bench.plugins.discovery import add_path

INTERRUPTED = 130
_FEW_OPTIONS = 16
"""Options of a verb up to which all are named where one is asked for that there is not."""
PATHS = (
    "`--path DIR` (or $BENCH_PATH), anywhere on the line, adds the methods, datasets, metrics and reports of a folder "
    "of your own."
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"scenebench {importlib.metadata.version('scenebench')}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The command tree; built after `--path` is known, since each dataset builder is a command."""
    from bench.cli import (  # noqa: PLC0415 - `--path` first
        audit,
        build_dataset,
        compare,
        convert_yolo,
        doctor,
        edit,
        export,
        generate,
        leaderboard,
        listing,
        masks,
        merge,
        report,
        reproduce,
        run,
        score,
        status,
        study,
        submit_check,
        tune,
    )

    app = typer.Typer(
        name="bench",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        help="SceneBench: which method learns several concepts from one image best, and can you prove it?",
        epilog="Start with `bench run --methods ours,ti-m`: it needs no data, no weights and no GPU. " + PATHS,
    )
    app.callback()(_options_without_verb)
    making, reading = (build_dataset, run, tune, status, merge, score, report, study), (audit, edit, generate, masks)
    of_runs = (compare, leaderboard, submit_check, reproduce, export)
    for verb in (*making, *of_runs, *reading, convert_yolo, listing, doctor):
        verb.add_to(app)
    _tell_of_paths(app)
    return app


def _options_without_verb(
    version: Annotated[
        bool, typer.Option("--version", help="say which version this is", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Take the options that belong to no verb."""


def _tell_of_paths(app: typer.Typer) -> None:
    """End the help of every verb with what no verb declares: `--path`, which is read before the verbs are known."""
    for command in app.registered_commands:
        command.epilog = command.epilog or PATHS
    for group in app.registered_groups:
        group.epilog = PATHS
        if group.typer_instance is not None:
            _tell_of_paths(group.typer_instance)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input gives one line on standard error, never a traceback."""
    try:
        interrupt_on_sigterm()
        _write_any_name()
        sweep_scratch()
        rest = _take_paths(_checked(list(sys.argv[1:] if arguments is None else arguments)))
        code = build_app()(rest, prog_name="bench", standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        _stop(f"bench: {error}", error.code)
    except typer.TyperException as error:
        _stop(f"bench: {_told(error)} {_hint(error)}", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        _close_output()
        sys.exit(1)
    except REFUSED as error:
        _close_output()
        _stop(f"bench: {refusal(error)}", 2)
    if code == INTERRUPTED:
        _stop("bench: stopped; nothing that was finished is lost: the same command goes on from here", INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _write_any_name() -> None:
    """Let a terminal that lacks a character show its escape: nothing fails for how a name is written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _close_output() -> None:
    """What is left to be written goes nowhere: a full or closed output would fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):  # a stream of a test has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _checked(arguments: list[str]) -> list[str]:
    if any("\0" in argument for argument in arguments):
        raise UserError("an argument has a NUL character, which no name may have; leave it out")
    return arguments


def _take_paths(arguments: list[str]) -> list[str]:
    """Add the folder of every `--path DIR` and return the other arguments."""
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name != "--path":
            rest.append(argument)
            continue
        folder = value if equals else next(remaining, None)
        if folder is None:
            raise UserError("--path needs a folder: --path DIR")
        add_path(Path(folder))
    return rest


def _told(error: typer.TyperException) -> str:
    """What is wrong with a command line; of an option that there is not also those that there are, if they are few."""
    asked, known = getattr(error, "option_name", None), _options(error)
    if asked is None or not known:
        return error.format_message()
    all_of_them = f" Known: {', '.join(known)}" if len(known) <= _FEW_OPTIONS else ""
    return f"No such option: {asked}{did_you_mean(asked, known)}{all_of_them}"


def _options(error: typer.TyperException) -> list[str]:
    """The options of the verb that refused something."""
    context = getattr(error, "ctx", None)
    parameters = [] if context is None else context.command.get_params(context)
    return [one.opts[0] for one in parameters if one.opts[0].startswith("--") and not getattr(one, "hidden", False)]


def _hint(error: typer.TyperException) -> str:
    """Where to look further; what a start would take is no command of its own."""
    estimates = any(f"'{verb}'" in error.format_message() for verb in ("estimate", "plan", "preview"))
    told = "`bench run --dry-run` says what a run would do and take" if estimates else "`bench --help`"
    context = getattr(error, "ctx", None)
    verb = "bench VERB" if context is None or context.parent is None else context.command_path
    return f"({told}, `{verb} --help`)"


def _stop(message: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):  # standard error may be full or closed too: the exit code tells
        print(single_line(message), file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
