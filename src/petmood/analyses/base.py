"""What an analysis is: a name, facts, how they are computed, and the section of the report that shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal

from petmood.results.base import F, Fact
from petmood.results.dataset import Warn

if TYPE_CHECKING:
    from petmood.config import RunSettings
    from petmood.dataset import Dataset
    from petmood.features import Backbone
    from petmood.progress import Tick
    from petmood.report.summarize import Headline
    from petmood.results import ComparisonFacts, Results

Place = Literal["first", "data", "models"]
"""Where a section stands: first of all, behind the one on the data, or behind those on models."""


@dataclass(frozen=True)
class Elsewhere:
    """Further data sets, open, and what their classes are among those of the run's: theirs -> ours."""

    data: tuple[Dataset, ...]
    mapping: Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """What an analysis is made of.

    Attributes:
        data: the open data set, with complete splits; of very many images a sample (`petmood.dataset.sample`).
        backbone: whose features are read.
        settings: of the run.
        found: what the analyses before it found, by name.
        tick: where to show how far it is.
        elsewhere: further data sets that the run was given, or None.
    """

    data: Dataset
    backbone: Backbone
    settings: RunSettings
    found: Mapping[str, Fact] = field(default_factory=dict)
    tick: Tick = lambda done, total: None
    elsewhere: Elsewhere | None = None

    def of(self, kind: type[F]) -> F | None:
        """The facts of one kind, if an analysis before this one found them."""
        return next((value for value in self.found.values() if isinstance(value, kind)), None)


@dataclass(frozen=True)
class Page:
    """What a section may show beside its own facts.

    Attributes:
        results: all that the run found.
        uri: a path of the manifest -> a data URI of its picture, or "".
        colours: of the classes.
    """

    results: Results
    uri: Callable[[str], str]
    colours: Mapping[str, str]


@dataclass(frozen=True)
class Analysis(Generic[F]):
    """One question that a run asks of a data set. CONTRIBUTING shows how to add one.

    Attributes:
        name: its key in results.json and the anchor of its section; that of its folder.
        title: of its section.
        facts: the type of what it finds: numbers and codes, no sentences.
        doing: what is said while it is computed.
        compute: makes the facts; None where the data do not allow it.
        compared: what they become once all models of the run are there and compared; as they are if None.
        package: where its template `section.html.j2` lies.
        words: what that needs beside `facts`; by default the module `words` of the package, by that name.
        place: where its section stands; of its facts, where that depends on what was found.
        warnings: what of its facts must stand before any figure is trusted.
        headlines: what of its facts stands at the head of the page.
        anchor: of its section, where it is not the name.
        of_all: whether it is given all images where others are given a sample.
    """

    name: str
    title: str
    facts: type[F]
    doing: str
    compute: Callable[[Asked], F | None]
    package: str
    words: Callable[[F, Page], Mapping[str, Any]] | None = None
    place: Place | Callable[[F], Place] = "models"
    warnings: Callable[[F], tuple[Warn, ...]] = lambda facts: ()
    headlines: Callable[[F], Sequence[Headline]] = lambda facts: ()
    anchor: str = ""
    compared: Callable[[F, ComparisonFacts], F] | None = None
    of_all: bool = False
