"""The registry of methods -> what a search tries, in which order; and a small student of any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from petmood.features.views import View
from petmood.training.catalog import FROZEN, METHODS, SPECIES_ONLY, Method, logistic
from petmood.training.recipes import Recipe

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
