"""The registry of methods, each with what it reads, its head and outside data; and what a search tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from petmood.errors import ConfigError, near_or
from petmood.features.views import TRUNK, View
from petmood.training.recipes import Recipe
from petmood.training.settings import FINE_TUNING


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
        Recipe("finetune", FINE_TUNING),
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


_EXTENDED: Final = ("lite0-svm", "outside-logistic", "outside-svm")
"""Methods that a search also tries with outside and with unlabelled images, where such are given."""

_NO_CANDIDATES: Final = (SPECIES_ONLY, "species-removed", "lite0-finetuned")


def candidates(extra_weight: float | None = None, unlabelled_weight: float | None = None) -> tuple[Method, ...]:
    """What a search tries, in this order: the frozen baseline, what uses more images, then cheap methods first.

    Args:
        extra_weight: of an outside labelled image where a photo weighs 1; None where there are none.
        unlabelled_weight: of an image without a label; None where there are none.
    """
    methods = {m.name: m for m in METHODS if m.name not in _NO_CANDIDATES and m.outside is m.unlabelled is None}
    more = []
    for name in _EXTENDED:
        method = methods[name]
        if extra_weight is not None:
            title = f"{method.title}, outside images at weight {extra_weight:g}"
            more.append(replace(method, name=f"{name}+extra", title=title, outside=extra_weight))
        if unlabelled_weight is not None:
            title = f"{method.title}, self-trained on unlabelled images at weight {unlabelled_weight:g}"
            more.append(replace(method, name=f"{name}+unlabelled", title=title, unlabelled=unlabelled_weight))
    frozen = methods.pop(FROZEN)
    # methods of few repeats are those whose fits take long
    return (frozen, *more, *sorted(methods.values(), key=lambda method: -method.repeats))


def distilled(teacher: Method, student: View) -> Method:
    """A method whose classifier is a logistic regression on one view that learnt from a teacher; it reads that view."""
    views = teacher.views if student in teacher.views else (*teacher.views, student)
    everything = tuple(range(len(teacher.views)))
    learner = replace(logistic(), blocks=(views.index(student),))
    return replace(
        teacher,
        name=f"{teacher.name}+distilled",
        title=f"Logistic regression on {student.name}, distilled from: {teacher.title}",
        views=views,
        recipe=Recipe("distilled", members=(teacher.recipe.pinned(everything), learner)),
    )
