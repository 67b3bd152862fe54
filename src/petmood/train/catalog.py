"""The registry of methods: each a name, what it reads of an image, the head on it, and the outside data it may use."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from petmood.errors import ConfigError
from petmood.features.views import TRUNK, View
from petmood.train.recipes import Recipe


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
_LITE0_MIRROR: Final = View("efficientnet-lite0", mirror="average")
_MOBILE: Final = View("mobilenet")
_MOBILE_MIRROR: Final = View("mobilenet", mirror="average")
_SCORES: Final = View("efficientnet-lite0", pooling="logits")
_TUNED: Final = View("outside", mirror="average")
_TUNED_224: Final = View("outside", size=224, mirror="average")
_FINETUNED: Final = Recipe("finetune", {"epochs": 5, "rate": 6e-4, "thaw": 0.5, "patience": 3, "cutmix": 0.3})
_BOTH: Final = (_LITE0_MIRROR, _MOBILE_MIRROR)


def logistic(C: float = 1e-3, **settings: float | bool | int) -> Recipe:  # noqa: N803  # its name everywhere
    """Logistic regression with an inverse strength of the penalty."""
    return Recipe("logistic", {"C": C, **settings})


def _svm(C: float = 1.0, blocks: tuple[int, ...] | None = None) -> Recipe:  # noqa: N803  # its name everywhere
    return Recipe("svm", {"C": C}, blocks)


METHODS: Final[tuple[Method, ...]] = (
    Method(
        SPECIES_ONLY,
        "Species alone: logistic regression on the probabilities of 8 species",
        (_SCORES,),
        Recipe("species-only", blocks=(0,), members=(Recipe("default", {"C": 1.0}),)),
    ),
    Method(FROZEN, "Logistic regression on efficientnet-lite0: the frozen baseline", (_LITE0,), Recipe("default")),
    Method("lite0-mirror-logistic", "Lite0 averaged with the mirror image, logistic", (_LITE0_MIRROR,), logistic()),
    Method("lite0-logistic-files", "Lite0, logistic, fitted on all files", (_LITE0,), Recipe("default"), False),
    Method("lite0-logistic-weak", "Lite0, logistic, weak penalty", (_LITE0,), logistic(3e-2)),
    Method("lite0-logistic-balanced", "Lite0, logistic, classes balanced", (_LITE0,), logistic(balanced=True)),
    Method("lite0-pca-logistic", "Lite0, 64 components, logistic", (_LITE0,), logistic(3e-2, components=64)),
    Method("lite0-svm", "Lite0, SVM with a Gaussian kernel", (_LITE0,), Recipe("svm", {"C": 1.0})),
    Method("lite0-knn", "Lite0, 25 nearest neighbours", (_LITE0,), Recipe("knn", {"k": 25})),
    Method("lite0-prototypes", "Lite0, one prototype a class", (_LITE0,), Recipe("prototypes")),
    Method("lite0-lda", "Lite0, linear discriminant with shrinkage", (_LITE0,), Recipe("lda")),
    Method("lite0-qda", "Lite0, 32 components, quadratic", (_LITE0,), Recipe("qda", {"components": 32})),
    Method(
        "lite0-boosting",
        "Lite0, 32 components, gradient boosting",
        (_LITE0,),
        Recipe("boosting", {"components": 32}),
        repeats=5,
    ),
    Method("lite0-trees", "Lite0, extremely randomised trees", (_LITE0,), Recipe("trees"), repeats=5),
    Method("lite0-mlp", "Lite0, one hidden layer of 64", (_LITE0,), Recipe("mlp"), repeats=5),
    Method("mobilenet-mirror-logistic", "MobileNet with mirror, logistic", (_MOBILE_MIRROR,), logistic()),
    Method("mobilenet-mirror-svm", "MobileNet with mirror, SVM", (_MOBILE_MIRROR,), Recipe("svm", {"C": 1.0})),
    Method("both-logistic", "Lite0 and MobileNet with mirrors, logistic", _BOTH, logistic()),
    Method("both-svm", "Lite0 and MobileNet with mirrors, SVM", _BOTH, Recipe("svm", {"C": 1.0})),
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
        "both-even-prior",
        "Lite0 and MobileNet, logistic, halfway to even classes",
        _BOTH,
        Recipe("even-prior", {"strength": 0.5}, members=(logistic(),)),
    ),
    Method(
        "both-noise-robust",
        "Lite0 and MobileNet, logistic, doubted labels weigh less",
        _BOTH,
        Recipe("noise-robust", {"floor": 0.2}, members=(logistic(),)),
        repeats=5,
    ),
    Method("outside-logistic", "Lite0 tuned on outside images, logistic", (_TUNED,), logistic()),
    Method("outside-svm", "Lite0 tuned on outside images, SVM", (_TUNED,), _svm(0.5)),
    Method("outside-svm-c1", "Lite0 tuned on outside images, SVM, weaker penalty", (_TUNED,), _svm()),
    Method("outside-knn", "Lite0 tuned on outside images, 25 nearest neighbours", (_TUNED,), Recipe("knn", {"k": 25})),
    Method("outside-lda", "Lite0 tuned on outside images, linear discriminant", (_TUNED,), Recipe("lda"), repeats=3),
    Method(
        "outside-scores",
        "Logistic regression on the four outside moods' scores alone",
        (View("outside", pooling="logits"),),
        logistic(0.1),
    ),
    Method(
        "outside-noise-robust",
        "Lite0 tuned on outside images, SVM, doubted labels weigh less",
        (_TUNED,),
        Recipe("noise-robust", {"floor": 0.2}, members=(_svm(),)),
        repeats=5,
    ),
    Method(
        "outside-species-conditional",
        "Mood given species on Lite0 tuned on outside images, SVM",
        (_SCORES, _TUNED),
        Recipe("species-conditional", {"shared": 0.5}, (0, 1), (_svm(),)),
        repeats=5,
    ),
    Method("outside-with-both", "Tuned and plain networks together, SVM", (_TUNED, *_BOTH), _svm()),
    Method(
        "outside-blend",
        "Mean of SVM and logistic regression on Lite0 tuned on outside images",
        (_TUNED,),
        Recipe("blend", members=(_svm(0.5), logistic())),
    ),
    Method(
        "outside-stack",
        "Stack of SVMs on each network and logistic regression on the tuned one",
        (_TUNED, *_BOTH),
        Recipe(
            "stack", members=(_svm(0.5, (0,)), Recipe("logistic", {"C": 1e-3}, (0,)), _svm(1.0, (1,)), _svm(1.0, (2,)))
        ),
        repeats=3,
    ),
    *(
        Method(
            f"both-outside-{weight:g}",
            f"Lite0 and MobileNet, 96 components, logistic, outside images at weight {weight:g}",
            (_LITE0, _MOBILE),
            logistic(components=96),
            outside=weight,
            repeats=3,
        )
        for weight in (0.03, 0.1)
    ),
    *(
        Method(f"lite0-{pooling}-svm", f"Lite0, {text}, SVM", (View("efficientnet-lite0", pooling),), _svm())
        for pooling, text in (("parts", "nine parts of the map"), ("second-order", "covariance over places"))
    ),
    Method("lite0-288-svm", "Lite0 at 288 pixels, SVM", (View("efficientnet-lite0", size=288),), _svm()),
    Method("lite1-svm", "Lite1, SVM", (View("efficientnet-lite1"),), _svm()),
    Method("outside-parts-svm", "Lite0 tuned on outside images, nine parts, SVM", (View("outside", "parts"),), _svm()),
    Method(
        "outside-224-svm",
        "Lite0 tuned on outside images, at 224 pixels, SVM",
        (_TUNED_224,),
        _svm(0.5),
    ),
    Method(
        "outside-224-species-conditional",
        "Mood given species on Lite0 tuned on outside images, both at 224 pixels, SVM",
        (_SCORES, _TUNED_224),
        Recipe("species-conditional", {"shared": 0.5}, (0, 1), (_svm(),)),
        repeats=5,
    ),
    Method(
        "outside-scales-blend",
        "Mean of SVMs on Lite0 tuned on outside images: at 160 and 224 pixels, and nine parts",
        (_TUNED, _TUNED_224, View("outside", "parts")),
        Recipe("blend", members=(_svm(0.5, (0,)), _svm(0.5, (1,)), _svm(1.0, (2,)))),
        repeats=5,
    ),
    Method(
        "outside-scales-stack",
        "Stack of SVMs on Lite0 tuned on outside images: at 160 and 224 pixels, and nine parts",
        (_TUNED, _TUNED_224, View("outside", "parts")),
        Recipe("stack", members=(_svm(0.5, (0,)), _svm(0.5, (1,)), _svm(1.0, (2,)))),
        repeats=3,
    ),
    *(
        Method(
            f"{name}-attention",
            f"{title}, attention over places",
            (View(backbone, "tokens"),),
            Recipe("attention"),
            repeats=5,
        )
        for name, backbone, title in (
            ("lite0", "efficientnet-lite0", "Lite0"),
            ("outside", "outside", "Lite0 tuned on outside images"),
        )
    ),
    *(
        Method(f"{name}-finetuned", title, (View(backbone, TRUNK),), _FINETUNED, repeats=1)
        for name, backbone, title in (
            ("lite0", "efficientnet-lite0", "Upper half of Lite0, fine-tuned inside the folds"),
            ("outside", "outside", "Upper half of Lite0 tuned on outside images, fine-tuned on inside the folds"),
        )
    ),
    Method(
        "lite0-self-trained",
        "Lite0, 64 components, logistic, self-trained on unlabelled images",
        (_LITE0,),
        logistic(3e-2, components=64),
        repeats=3,
        unlabelled=0.1,
    ),
    Method(
        "outside-self-trained",
        "Lite0 tuned on outside images, SVM, self-trained on unlabelled images",
        (_TUNED,),
        _svm(0.5),
        repeats=3,
        unlabelled=0.1,
    ),
    Method(
        "outside-blend-distilled",
        "Logistic regression on the tuned Lite0, distilled from the mean of SVM and logistic regression on it",
        (_TUNED,),
        Recipe("distilled", members=(Recipe("blend", members=(_svm(0.5), logistic())), logistic())),
        repeats=5,
    ),
    Method(
        "outside-scales-distilled",
        "SVM on the tuned Lite0, distilled from the mean of SVMs at two sizes and on nine parts",
        (_TUNED, _TUNED_224, View("outside", "parts")),
        Recipe(
            "distilled",
            members=(
                Recipe("blend", members=(_svm(0.5, (0,)), _svm(0.5, (1,)), _svm(1.0, (2,)))),
                _svm(0.5, (0,)),
            ),
        ),
        repeats=3,
    ),
)


def choose(names: Sequence[str]) -> tuple[Method, ...]:
    """Methods by name, in the registry's order; all of them for no names.

    Raises:
        ConfigError: an unknown name.
    """
    known = {method.name for method in METHODS}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(sorted(known))}."
            raise ConfigError(f"unknown method '{name}'. {hint}")
    return tuple(method for method in METHODS if not names or method.name in names)
