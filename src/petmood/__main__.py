"""`python -m petmood`: the command line, as torchrun and others that start modules want it."""

from __future__ import annotations

from petmood.cli.main import run

if __name__ == "__main__":
    run()
