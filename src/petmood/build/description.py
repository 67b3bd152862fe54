"""What a training tells of its model -> the description that its bundle carries: the one place that makes it."""

from __future__ import annotations

from collections.abc import Sequence

from petmood.bundle import ModelDescription
from petmood.bundle.schema import (
    BackboneFacts,
    Calibration,
    Conformal,
    DataFacts,
    InputFacts,
    LicenceNote,
    PetRule,
    Quality,
    SearchFacts,
    SourcesFacts,
)
from petmood.features import Backbone
from petmood.features.backbones import Preprocess
from petmood.results import ModelFacts
from petmood.version import __version__

PHOTOS = (LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),)


def network_facts(backbone: Backbone) -> BackboneFacts:
    """What a bundle says of a network that it holds."""
    return BackboneFacts(name=backbone.name, sha256=backbone.digest, licence=backbone.licence)


def describe(
    *,
    kind: str,
    title: str,
    classes: tuple[str, ...],
    side: int,
    preprocess: Preprocess,
    networks: Sequence[BackboneFacts],
    calibration: Calibration,
    conformal: Conformal | None,
    data: DataFacts,
    settings: dict[str, str | int | float | bool],
    evaluation: tuple[ModelFacts, ...] = (),
    photos: Sequence[LicenceNote] = PHOTOS,
    features: int = 1,
    maps: bool = False,
    imagenet: bool = False,
    graph_sha256: str = "",
    pet: PetRule | None = None,
    quality: Quality | None = None,
    search: SearchFacts | None = None,
    sources: SourcesFacts | None = None,
) -> ModelDescription:
    """A description; what is filled in when the bundle is saved is left out.

    Args:
        kind: of the training, for programs.
        title: of the model, for people.
        classes: in the order of its probabilities.
        side: of the pictures that the graph reads, in pixels.
        preprocess: mean and deviation of the pictures.
        networks: those that the graph holds, each with its licence; none for one that was trained from scratch.
        calibration: of its probabilities.
        conformal: its prediction sets; None where it has none.
        data: what it was fitted on.
        settings: what chose it.
        evaluation: its figures.
        photos: licences of what it was trained on.
        features: length of the vectors that the graph gives.
        maps: whether it gives class activation maps.
        imagenet: whether it gives ImageNet scores.
        graph_sha256: of the graph, where it is asked before it is saved.
        pet: the rule for "no pet face here".
        quality: what training photos looked like.
        search: how it was chosen among methods.
        sources: of each of several data sets.
    """
    return ModelDescription(
        petmood=__version__,
        kind=kind,
        title=title,
        classes=classes,
        input=InputFacts(size=side, mean=preprocess.mean, std=preprocess.std),
        features=features,
        maps=maps,
        imagenet=imagenet,
        graph_sha256=graph_sha256,
        backbone=networks[0] if networks else None,
        backbones=tuple(networks) if len(networks) > 1 else (),
        search=search,
        calibration=calibration,
        conformal=conformal,
        pet=pet,
        quality=quality,
        sources=sources,
        data=data,
        evaluation=evaluation,
        licences=(*(LicenceNote(what=f"weights of {n.name}", licence=n.licence) for n in networks), *photos),
        settings=settings,
    )
