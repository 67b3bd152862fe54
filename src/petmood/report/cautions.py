"""What must be known before a figure is trusted: codes and values in, sentences out."""

from __future__ import annotations

from typing import Any, Final

from petmood.report.wording import count, measured, percent, plural
from petmood.results import Warn

PROPERTIES: Final = {
    "size": "width, height and aspect ratio",
    "bytes": "file size, and bytes a pixel",
    "format": "file format and pixel layout",
    "brightness": "how light or dark the picture is, and its contrast",
    "colour": "mean and spread of its colours",
    "background": "colours along its border",
}
"""Properties of files that are no part of a face."""


def caution(warn: Warn) -> str:
    """A warning as a sentence or two; of an unknown code, the code."""
    v: dict[str, Any] = warn.values
    kind, _, name = warn.code.partition("-")
    match warn.code:
        case "reading":
            return str(v["said"])
        case "derived-files":
            copies = v["files"] - v["photos"]
            return (
                f"{plural(v['files'], 'file')} are {plural(v['photos'], 'photo')} and {count(copies)} copies made from "
                "them; petmood counts photos."
            )
        case "animals-in-two-splits":
            return (
                f"{_stand(v['animals'], 'animal')} in more than one split, in different photos: figures on these "
                "splits are not figures on animals never seen."
            )
        case "conflicting-labels":
            return f"{_stand(v['photos'], 'photo')} under more than one label."
        case "made-splits":
            by = " and animal" if v["by_animal"] else ""
            return f"The data lacks a train, valid or test split; petmood made what was missing, by photo{by}."
        case "sampled":
            return (
                f"Models were fitted and judged, and labels, species and causes looked into, with a sample of "
                f"{plural(v['photos'], 'photo')} in {plural(v['images'], 'file')}, drawn by split and class with seed "
                f"{v['seed']}, of {count(v['of_photos'])} in {count(v['of_images'])}; copies, leaks and quality were "
                "looked for among all. petmood train learns from all of them."
            )
        case "sampled-elsewhere":
            return (
                f"Of {v['name']}, a sample of {plural(v['photos'], 'photo')} in {plural(v['images'], 'file')} was "
                f"looked at, drawn by class with seed {v['seed']} out of {count(v['of_photos'])} in "
                f"{count(v['of_images'])}."
            )
        case "outside-splits":
            return f"{count(v['images'])} images lie outside the split folders and were ignored."
        case "leaking-splits":
            return (
                f"{_stand(v['photos'], 'photo')} in more than one split; {count(v['copied'])} test images are copies "
                "of training images. An accuracy on these splits counts memory as skill."
            )
        case "much-alike":
            return (
                f"{plural(v['pairs'], 'pair')} of photos are much alike without being copies, e.g. one animal twice: "
                f"{v['path_a']} and {v['path_b']}. They count as different photos."
            )
        case _ if kind == "small" and "least" in v:
            small = ", ".join(f"{c} ({n})" for c, n in v["photos"].items())
            return f"Classes with fewer than {v['least']} photos in {name}: {small}. Figures on them are uncertain."
        case _ if kind == "shortcut" and name in PROPERTIES:
            return (
                f"{name.capitalize()} alone ({PROPERTIES[name]}) predicts the class of "
                f"{measured(v['right'], (v['low'], v['high']), v['n'])} of photos, the commonest class "
                f"{percent(v['majority'])}: a model can do as well without seeing a face."
            )
        case _ if kind == "no" and "said" in v:
            return f"Left out: {v['title']}. It cannot be told: {v['said']}"
    return warn.code


def _stand(n: int, noun: str) -> str:
    return f"{plural(n, noun)} stand{'s' * (n == 1)}"
