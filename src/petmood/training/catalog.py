"""The registry of methods: each a name, what it reads of an image, the head on it, and the outside data it may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from petmood.errors import ConfigError, near_or
from petmood.features.views import TRUNK, View
from petmood.training.recipes import Recipe


@dataclass(frozen=True)
class Method:
    """A way to read moods, described fully.

    Attributes:
        name: unique, for `--only`.
        title: for people.
        views: what is read of an image; block i of the columns is view i.
        recipe: the classifier on it.
        photos_only: whether copies made from photos are left out of training.
        outside: weight of an outside image where a photo weighs 1; None uses none.
        repeats: of grouped cross-validation, at most.
        unlabelled: weight of an image without a label, under the one that a first model gives it; None uses none.
    """

    name: str
    title: str
    views: tuple[View, ...]
    recipe: Recipe
    photos_only: bool = True
    outside: float | None = None
    repeats: int = 10
    unlabelled: float | None = None

    def backbones(self) -> tuple[str, ...]:
        """Names of the networks it reads, each once."""
        return tuple(dict.fromkeys(view.backbone for view in self.views))


SPECIES_ONLY: Final = "species"
FROZEN: Final = "efficientnet-lite0+logistic"
"""Names of the baselines, which are those that every other page of petmood gives them."""

_LITE0: Final = View("efficientnet-lite0")
_MOBILE: Final = View("mobilenet")
_SCORES: Final = View("efficientnet-lite0", pooling="logits")
_TUNED: Final = View("outside", mirror="average")
_BOTH: Final = (View("efficientnet-lite0", mirror="average"), View("mobilenet", mirror="average"))


def logistic(C: float = 1e-3, **settings: float | bool | int) -> Recipe:  # noqa: N803  # its name everywhere
    """Logistic regression with an inverse strength of the penalty."""
    return Recipe("logistic", {"C": C, **settings})


METHODS: Final[tuple[Method, ...]] = (
    Method(
        SPECIES_ONLY,
        "Species alone: logistic regression on the probabilities of 8 species",
        (_SCORES,),
        Recipe("species-only", blocks=(0,), members=(Recipe("default", {"C": 1.0}),)),
    ),
    Method(FROZEN, "Logistic regression on efficientnet-lite0: the frozen baseline", (_LITE0,), Recipe("default")),
    Method("lite0-svm", "Lite0, SVM with a Gaussian kernel", (_LITE0,), Recipe("svm", {"C": 1.0})),
    Method("lite0-knn", "Lite0, 25 nearest neighbours", (_LITE0,), Recipe("knn", {"k": 25})),
    Method("lite0-lda", "Lite0, linear discriminant with shrinkage", (_LITE0,), Recipe("lda")),
    Method(
        "lite0-boosting",
        "Lite0, 32 components, gradient boosting",
        (_LITE0,),
        Recipe("boosting", {"components": 32}),
        repeats=5,
    ),
    Method("mobilenet-mirror-logistic", "MobileNet with mirror, logistic", _BOTH[1:], logistic()),
    Method("both-logistic", "Lite0 and MobileNet with mirrors, logistic", _BOTH, logistic()),
    Method(
        "species-conditional",
        "Mood given species: a logistic head for dogs, cats and the rest",
        (_SCORES, *_BOTH),
        Recipe("species-conditional", blocks=(0, 1, 2), members=(logistic(),)),
    ),
    Method(
        "species-removed",
        "Lite0 and MobileNet, species taken away, logistic",
        (_SCORES, *_BOTH),
        Recipe("species-removed", blocks=(0, 1, 2), members=(logistic(),)),
    ),
    Method(
        "both-outside-0.1",
        "Lite0 and MobileNet, 96 components, logistic, outside images at weight 0.1",
        (_LITE0, _MOBILE),
        logistic(components=96),
        outside=0.1,
        repeats=3,
    ),
    Method("outside-logistic", "Lite0 tuned on outside images, logistic", (_TUNED,), logistic()),
    Method("outside-svm", "Lite0 tuned on outside images, SVM", (_TUNED,), Recipe("svm", {"C": 0.5})),
    Method(
        "outside-scores",
        "Logistic regression on the four outside moods' scores alone",
        (View("outside", pooling="logits"),),
        logistic(0.1),
    ),
    Method(
        "lite0-finetuned",
        "Upper half of Lite0, fine-tuned inside the folds",
        (View("efficientnet-lite0", TRUNK),),
        Recipe("finetune", {"epochs": 5, "rate": 6e-4, "thaw": 0.5, "patience": 3, "cutmix": 0.3}),
        repeats=1,
    ),
)
"""Few, and unlike each other: what differs from a neighbour by less than these photos can show is not among them."""


def choose(names: Sequence[str]) -> tuple[Method, ...]:
    """Methods by name, in the registry's order; all of them for no names.

    Raises:
        ConfigError: an unknown name.
    """
    known = {method.name for method in METHODS}
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown method '{name}'. {near_or(name, sorted(known), cutoff=0.4)}")
    return tuple(method for method in METHODS if not names or method.name in names)
