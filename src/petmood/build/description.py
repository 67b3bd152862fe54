"""What a training tells of its model -> the description that its bundle carries: the one place that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from petmood.bundle import ModelDescription
from petmood.bundle.schema import BackboneFacts, InputFacts, LicenceNote
from petmood.features import Backbone
from petmood.features.backbones import Preprocess
from petmood.version import __version__

PHOTOS = (LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),)


def network_facts(backbone: Backbone) -> BackboneFacts:
    """What a bundle says of a network that it holds."""
    return BackboneFacts(name=backbone.name, sha256=backbone.digest, licence=backbone.licence)


def describe(
    preprocess: Preprocess, networks: Sequence[BackboneFacts], *, photos: Sequence[LicenceNote] = PHOTOS, **told: Any
) -> ModelDescription:
    """A description; what is filled in when the bundle is saved is left out.

    Args:
        preprocess: of the pictures that the graph reads.
        networks: those that the graph holds, each with its licence; none for one that was trained from scratch.
        photos: licences of what it was trained on.
        told: the other fields of `ModelDescription`; those left out are not known, or not there.
    """
    open_ = {"features": 1, "maps": False, "imagenet": False, "pet": None, "quality": None, "evaluation": ()}
    return ModelDescription(
        petmood=__version__,
        input=InputFacts(size=preprocess.size, mean=preprocess.mean, std=preprocess.std),
        backbone=networks[0] if networks else None,
        backbones=tuple(networks) if len(networks) > 1 else (),
        licences=(*(LicenceNote(what=f"weights of {n.name}", licence=n.licence) for n in networks), *photos),
        **open_ | told,
    )
