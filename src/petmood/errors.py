"""Every error petmood raises on purpose: one root class, whose message says what is wrong, what was got, what to do."""

from __future__ import annotations

from importlib.util import find_spec


class PetmoodError(Exception):
    """Root of all errors a user can mend.

    The message is one line for a person: what is wrong, what was got, what to do next. The command line prints it
    and exits with code 2; the web layer answers 4xx with it. Any other exception is a bug and shows as one.
    """


class DataError(PetmoodError):
    """The user's data (folder, archive, image, labels file) cannot be used as given."""


class ImageError(DataError):
    """One image cannot be decoded, or exceeds a limit."""


class ConfigError(PetmoodError):
    """A setting is unknown or out of range."""


class ModelError(PetmoodError):
    """A backbone, network or bundle cannot be loaded or does not match its description."""


class LeakageError(DataError):
    """A split would let the same photo stand on both sides of an evaluation."""


class MissingExtraError(PetmoodError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str, package: str) -> None:
        self.feature, self.extra, self.package = feature, extra, package
        super().__init__(
            f"{feature} needs the package '{package}', which is not installed. "
            f"Install it with: pip install 'petmood[{extra}]'"
        )


def require_extra(feature: str, extra: str, *packages: str) -> None:
    """Make sure that the packages (import names) of an extra are installed, without importing them.

    Raises:
        MissingExtraError: one is not.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(feature, extra, package)
