"""How bright the pictures of each class are: an analysis from outside petmood, in one folder."""

from __future__ import annotations

from collections.abc import Mapping

from petmood.analyses import Analysis, Asked, Page
from petmood.evaluation.statistics import mean_interval
from petmood.results.base import Fact, Interval


class ClassBrightness(Fact):
    """Mean brightness of the n photos of a class, in [0, 1], with its 95 % interval over photos."""

    n: int
    brightness: float
    brightness_ci: Interval


class BrightnessFacts(Fact):
    """Numbers and codes alone: sentences are made where they are shown."""

    by_class: dict[str, ClassBrightness]


def compute(asked: Asked) -> BrightnessFacts:
    """Measure the thumbnails that every run has."""
    photos = asked.data.photos
    grey = photos.thumbnails.mean(axis=1).astype(float)
    found = {}
    for code, name in enumerate(photos.classes):
        own = grey[photos.labels == code]
        found[name] = ClassBrightness(n=len(own), brightness=float(own.mean()), brightness_ci=mean_interval(own))
    return BrightnessFacts(by_class=found)


def words(facts: BrightnessFacts, page: Page) -> Mapping[str, object]:
    """What section.html.j2 shows beside the facts."""
    return {"brightest": max(facts.by_class, key=lambda name: facts.by_class[name].brightness)}


ANALYSIS = Analysis(
    name="brightness",
    title="How bright",
    facts=BrightnessFacts,
    doing="Measuring brightness",
    compute=compute,
    words=words,
    package=__name__,
)
