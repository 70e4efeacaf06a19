"""The command line: demo, init, check, run, simulate."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from cximpact.core.errors import (
    ConfigError,
    ConvergenceError,
    CxImpactError,
    CxImpactWarning,
    OverlapError,
)

DONE, BAD_INPUT, GATE_FAILED = 0, 2, 3
STARTER = "onboarding.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command; those of the process by default.

    Returns
    -------
    int
        0 done, 2 bad input or study file, 3 a gate failed with everything so far kept.
    """
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", CxImpactWarning)
            warnings.showwarning = _show_warning
            return int(options.work(options))
    except (ConvergenceError, OverlapError) as error:
        return _fail(error, GATE_FAILED)
    except CxImpactError as error:
        return _fail(error, BAD_INPUT)


def demo(options: argparse.Namespace) -> int:
    """Run the whole chain on the bundled world."""
    from cximpact.study import Study

    out = Path(options.out)
    with resources.as_file(_starter()) as path:
        result = Study.from_toml(path).run(out, seed=options.seed, progress=_progress())
    print(f"\n{result.answer}\n")
    print(f"Report: {out / 'report.html'}")
    return DONE


def init(options: argparse.Namespace) -> int:
    """Write a study to start from."""
    folder = Path(options.folder)
    target = folder / "study.toml"
    if target.exists():
        raise ConfigError(f"{target} exists already; choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(_starter().read_text(encoding="utf-8"), encoding="utf-8")
    print(f"Wrote {target}. Next: cximpact run {target} --out {folder / 'out'}")
    return DONE


def check(options: argparse.Namespace) -> int:
    """Check a study file and its tables."""
    from cximpact.study import Study

    for line in Study.from_toml(options.study).check():
        print(line)
    print("The study is sound.")
    return DONE


def run(options: argparse.Namespace) -> int:
    """Run a study."""
    from cximpact.study import Study

    out = Path(options.out)
    study = Study.from_toml(options.study)
    result = study.run(out, draws=options.draws, seed=options.seed, progress=_progress())
    print(f"\n{result.answer}\n")
    print(f"Report: {out / 'report.html'}")
    return DONE


def simulate(options: argparse.Namespace) -> int:
    """Write the simulated world as tables."""
    from cximpact.datasets import simulate_world

    world = simulate_world(options.seed)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    world.customers.to_csv(out / "customers.csv", index=False)
    print(f"Wrote {out / 'customers.csv'}: {len(world.customers):,} customers")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cximpact", description="What customer experience is worth, from survey to money."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        about = (work.__doc__ or "").strip().splitlines()[0]
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(work=work)
        return made

    made = command("demo", demo)
    made.add_argument("--out", default="cximpact-demo", metavar="DIR")
    made.add_argument("--seed", type=int, default=None)
    made = command("init", init)
    made.add_argument("folder", metavar="DIR")
    made = command("check", check)
    made.add_argument("study", metavar="STUDY.toml")
    made = command("run", run)
    made.add_argument("study", metavar="STUDY.toml")
    made.add_argument("--out", required=True, metavar="DIR")
    made.add_argument("--draws", type=int, default=None)
    made.add_argument("--seed", type=int, default=None)
    made = command("simulate", simulate)
    made.add_argument("--out", required=True, metavar="DIR")
    made.add_argument("--seed", type=int, default=1)
    return parser


def _starter() -> Traversable:
    return resources.files("cximpact.study") / "starters" / STARTER


def _progress() -> Callable[[str], None]:
    start = time.monotonic()

    def say(path: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {path}", file=sys.stderr, flush=True)

    return say


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _fail(error: CxImpactError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
