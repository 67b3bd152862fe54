"""The command line's entry, as `petmood` and `python -m petmood` (torchrun and others start modules) call it."""

from __future__ import annotations

from petmood.cli import interrupt


def main() -> None:
    """Run the command line; what it imports takes a moment, in which Ctrl-C has its answer already."""
    interrupt.install()
    import sys
    import warnings

    if not sys.warnoptions:  # what libraries tell developers; with -W or PYTHONWARNINGS it is shown
        warnings.simplefilter("ignore")
    from petmood.cli.main import run

    run()


if __name__ == "__main__":
    main()
