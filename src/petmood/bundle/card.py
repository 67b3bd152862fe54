"""A model's description -> MODEL_CARD.md, in the format of the Hugging Face hub."""

from __future__ import annotations

from petmood.bundle.headline import headline_sentence
from petmood.bundle.schema import ModelDescription
from petmood.escaping import markdown
from petmood.results.models import protocol_text

_LIMITS = """## Intended use

For curious pet owners, for teaching, and for research into how far pictures of faces tell a labeller's opinion. It
answers for one picture of one pet's face, cropped about as in the training photos.

**Out of scope:** any decision on an animal's care, health, training or fate. It is no veterinary tool.

## Limits

- It reads a label that a stranger gave a photo, not an animal's feelings. Labels of mood are a matter of opinion.
- It was trained on photos as the data have them, whole or cut to the boxes of their annotations, and on no other crops:
  of a scene, give it the part with the animal.
- Species and mood go together in such data, so part of what it knows is the species.
- Its figures are estimates from the photos named below, with intervals; on other cameras, breeds and moments it may do
  worse.
- Prediction sets keep their coverage only for photos drawn like those it was calibrated on.
"""


def model_card(model: ModelDescription) -> str:
    """The card as Markdown with its YAML header."""
    return "\n".join(
        [
            _header(model),
            _intro(model),
            _LIMITS,
            _evaluation(model),
            *_search(model),
            *_sources(model),
            _trust(model),
            _data(model),
        ]
    )


def _header(model: ModelDescription) -> str:
    return """---
library_name: petmood
pipeline_tag: image-classification
license: other
tags:
- onnx
- pets
- emotion
---
"""


def _intro(model: ModelDescription) -> str:
    classes = ", ".join(map(markdown, model.classes))
    return f"""# {markdown(model.title)}

Reads the mood of a pet ({classes}) from a picture of its face. Made by petmood {model.petmood}.
{headline_sentence(model)}

`model.onnx` reads `pixels`, (n, {model.input.size}, {model.input.size}, 3) uint8 RGB, and gives `probabilities`
(calibrated), `scores`, `features`{", `cam`" if model.maps else ""}{", `imagenet`" if model.imagenet else ""}. From
Python: `petmood.load("this-folder").predict("photo.jpg")`.
"""


def _evaluation(model: ModelDescription) -> str:
    lines = ["## Evaluation", ""]
    if not model.evaluation:
        return "\n".join([*lines, "Not evaluated.", ""])
    lines += ["| what | protocol | photos | accuracy | 95 % interval | macro-F1 |", "|---|---|---|---|---|---|"]
    for entry in model.evaluation:
        low, high = entry.accuracy_ci
        lines.append(
            f"| {markdown(entry.title)} | {markdown(entry.protocol)} | {entry.n} | {entry.accuracy:.3f} "
            f"| {low:.3f} to {high:.3f} | {entry.macro_f1:.3f} |"
        )
    texts = dict.fromkeys((e.protocol, protocol_text(e)) for e in model.evaluation)
    return "\n".join([*lines, "", *(f"- *{name}*: {text}" for name, text in texts), ""])


def _search(model: ModelDescription) -> list[str]:
    found = model.search
    if found is None:
        return []
    lines = [
        "## How the method was chosen",
        "",
        f"`{found.winner}` is the best that can be a bundle of {len(found.standings)} candidates, by {found.protocol}.",
        "Its own figure here is flattered by having been chosen; the nested one above pays for the choice.",
        "",
        *([] if found.versus is None else [found.versus.verdict, ""]),
        "| candidate | accuracy | 95 % interval | photos | chosen in outer folds |",
        "|---|---|---|---|---|",
    ]
    for row in found.standings:
        why = "" if row.not_exported is None else f" (no bundle: {row.not_exported})"
        low, high = row.accuracy_ci
        cells = (
            markdown(f"{row.title}{why}"),
            f"{row.accuracy:.3f}",
            f"{low:.3f} to {high:.3f}",
            str(row.n),
            str(row.chosen),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return ["\n".join([*lines, ""])]


def _sources(model: ModelDescription) -> list[str]:
    """Each source left out in turn: the nearest that can be measured to a reader's own pictures."""
    found = model.sources
    if found is None:
        return []
    lines = [
        "## On pictures from elsewhere",
        "",
        f"{found.protocol} Balanced accuracy is the mean over the moods that the source holds, with 95 % intervals.",
        "",
        "| left out | photos | guessing | balanced accuracy | species alone | learnt there | cat = angry | beats |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for s in found.sources:
        controls = {
            "species alone": s.species_alone_ci,
            "species learnt there": s.species_own_ci,
            "cat = angry": s.angry_cats_ci,
        }
        beaten = [name for name, ci in controls.items() if ci is not None and ci[1] < s.balanced_ci[0]]
        lines.append(
            f"| {markdown(s.name)} | {s.n:,} | {1 / len(s.classes):.2f} | {_figure(s.balanced, s.balanced_ci)} "
            f"| {_figure(s.species_alone, s.species_alone_ci)} | {_figure(s.species_own, s.species_own_ci)} "
            f"| {_figure(s.angry_cats, s.angry_cats_ci)} | {', '.join(beaten) or 'none shown'} |"
        )
    told = (
        "*Species alone* is told by the other sources; *learnt there* by the judged source itself, in grouped folds: "
        "what one who knew its habits could guess from the animal. *Cat = angry* is the rule that cats are angry and "
        "dogs happy. A control is beaten where the intervals do not meet. The way of training was chosen with these "
        "sources in view, so a source that nobody looked at may read worse. Nothing is promised of any one species."
    )
    lines += ["", told]
    if found.matrix:
        lines += [
            "",
            "| trained on | judged on | how | photos | guessing | balanced accuracy |",
            "|---|---|---|---|---|---|",
        ]
    for c in found.matrix:
        lines.append(
            f"| {markdown(' + '.join(c.trained_on))} | {markdown(c.judged_on)} "
            f"| {'grouped folds' if c.kind == 'in source' else c.kind} | {c.n:,} | {c.guessing:.2f} "
            f"| {_figure(c.balanced, c.balanced_ci)} |"
        )
    stated = list(found.sources[0].held)
    lines += ["", f"| source left out | {' | '.join(f'sets stating {c} hold' for c in stated)} |"]
    lines.append("|---|" + "---|" * len(stated))
    for s in found.sources:
        shares = " | ".join(f"{k / s.n:.3f} ({k} of {s.n})" for k in s.held.values())
        lines.append(f"| {markdown(s.name)} | {shares} |")
    if found.why_not_sure:
        lines += ["", f"It calls no answer sure: {found.why_not_sure}."]
    if found.left_out_files:
        named = ", ".join(markdown(path) for path in found.left_out_files)
        lines += ["", f"Not trained on, because another file shows the same photo: {named}."]
    lines += ["", "Terms of the sources:", ""]
    lines += [f"- {markdown(s.name)} ({s.photos:,} photos): {markdown(s.terms)}" for s in found.sources]
    return ["\n".join([*lines, ""])]


def _figure(value: float | None, bounds: tuple[float, float] | None) -> str:
    return "none" if value is None or bounds is None else f"{value:.3f} ({bounds[0]:.3f} to {bounds[1]:.3f})"


def _trust(model: ModelDescription) -> str:
    calibration = model.calibration
    lines = ["## How sure it is", ""]
    if calibration.n:
        lines.append(
            f"- Probabilities are calibrated with temperature {calibration.temperature:.3f}, fitted on {calibration.n} "
            f"photos ({calibration.protocol})."
        )
    else:
        lines.append("- Probabilities are not calibrated.")
    if model.conformal is not None:
        lines.append(f"- Prediction sets: {model.conformal.method} ({model.conformal.protocol}).")
        lines += [
            "",
            "| coverage | mean size of a set | sets of one class | right among these | called sure | photos |",
        ]
        lines.append("|---|---|---|---|---|---|")
        for level in model.conformal.levels:
            alone, sure = round(level.singletons * level.n), "yes" if level.sure else "no"
            right = "not known" if level.singletons_right is None else f"{level.singletons_right} of {alone}"
            shares = f"{level.coverage:.0%} | {level.mean_size:.2f} | {level.singletons:.0%}"
            lines.append(f"| {shares} | {right} | {sure} | {level.n} |")
        lines += ["", "An answer is called sure where the whole 95 % interval of that share reaches the coverage.", ""]
    if model.pet is not None:
        lines.append("- It says *no pet face here* by a rule with these mistakes:")
        for rate in (model.pet.missed, model.pet.accepted):
            low, high = rate.rate_ci
            lines.append(
                f"    - {rate.pictures}: {rate.wrong} of {rate.n} wrong ({rate.rate:.1%}; {low:.1%} to {high:.1%})"
            )
    if (rule := model.unlike) is not None:
        whose = f"each of {rule.sources} sources left out" if rule.sources > 1 else "its own source"
        lines.append(
            f"- A picture further than {rule.max_distance:.3f} (cosine) from the {rule.nearest} nearest photos kept is "
            f"said to be *unlike the photos it learned from*, and never sure: {rule.share:.0%} of {whose} are nearer "
            f"(n = {rule.n:,})."
        )
    return "\n".join([*lines, ""])


def _data(model: ModelDescription) -> str:
    data = model.data
    by_class = ", ".join(f"{markdown(name)} {count}" for name, count in data.photos_by_class.items())
    lines = [
        "## Training data",
        "",
        f"- {markdown(data.name)}: {data.images} images of {data.photos} photos ({by_class}).",
        f"- The weights saw {data.fitted} of the photos.",
        f"- SHA-256 over the content, label, split and family of every image: `{data.sha256}`",
        "",
        "## Licences",
        "",
        *(f"- {markdown(note.what)}: {markdown(note.licence)}" for note in model.licences),
        "",
    ]
    return "\n".join(lines)
