"""The `onelook` command: every subcommand by one line, a user's mistake as one line and exit code 2."""

import sys

import typer

from onelook.structures.errors import UserError

INTERRUPTED = 130


def build_app() -> typer.Typer:
    """Return the command line application with every command in it."""
    from onelook.cli import (
        client,
        compare,
        darknet,
        data,
        demo,
        evaluate,
        export,
        forecast,
        grid,
        localise,
        predict,
        report,
        runs,
        serve,
        summary,
        train,
        worker,
    )

    app = typer.Typer(
        name="onelook",
        help="Turn labelled images into a served detector, and be told why when it cannot be done.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.command("demo")(demo.demo)
    app.add_typer(data.build_app(), name="data")
    app.command("forecast")(forecast.forecast)
    app.command("train")(train.train)
    app.command("eval")(evaluate.evaluate)
    app.command("compare")(compare.compare)
    app.command("predict")(predict.predict)
    app.command("localise")(localise.localise)
    app.command("export")(export.export)
    app.command("grid")(grid.grid)
    app.command("report")(report.report)
    app.add_typer(runs.build_app(), name="runs")
    app.command("summary")(summary.summary)
    app.command("serve")(serve.serve)
    app.command("worker")(worker.worker)
    app.add_typer(client.build_app(), name="client")
    app.add_typer(darknet.build_app(), name="darknet")
    return app


def main() -> None:
    """Run the command line; exit 2 with one line for a user's mistake, 130 for Ctrl-C."""
    from onelook.training.survival.departure import leaving

    with leaving():
        _answer()


def _answer() -> None:
    from onelook.cli.train import SUPERVISED

    try:
        build_app()(obj=SUPERVISED)
    except UserError as error:
        print(f"onelook: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that vanished: the system's own words
        where = f"{error.filename}: " if error.filename else ""
        print(f"onelook: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except MemoryError as error:
        print(f"onelook: expected more memory than there is ({error}); take less at a time", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("onelook: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
