"""Facts, styles and scripts -> the page's HTML, with styles and scripts as files beside it or inside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any, Final

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from PIL import Image

from petmood.bundle import ModelDescription
from petmood.bundle.headline import WORDS, headline, headline_sentence
from petmood.features.species import SPECIES, grouping
from petmood.images import CANONICAL, LARGE
from petmood.page.modules import resource
from petmood.results.models import protocol_text as sentence
from petmood.version import __version__


def page_facts(description: ModelDescription, name: str, host: dict[str, Any]) -> dict[str, Any]:
    """What the page's script reads, as JSON can hold it.

    Args:
        description: of the model.
        name: of the bundle.
        host: where pictures are read: `kind` is "server" or "browser", and what that host needs to know.
    """
    whole = description.model_dump(
        mode="json", include={"classes", "input", "features", "conformal", "quality", "imagenet", "unlike"}
    )
    if description.sources is not None:
        whole["sources"] = {"why_not_sure": description.sources.why_not_sure}
    whole["input"] |= {"tall_first": tall_first(), "large": LARGE, "kept": 2 * max(description.input.size, CANONICAL)}
    rule = description.pet
    prior, members = grouping()
    return {
        "version": __version__,
        "name": name,
        "digest": description.graph_sha256[:16],
        "accuracy": headline_sentence(description),
        "protocol": protocol_text(description),
        "model": whole
        | {"pet": None if rule is None else rule.model_dump(include={"min_mass", "max_distance", "nearest"})},
        "species": {"names": SPECIES, "prior": prior.tolist(), "columns": members.argmax(axis=1).tolist()},
        "words": dict(WORDS),
        "heat": json.loads(files("petmood.explain").joinpath("heat.json").read_text(encoding="utf-8")),
        "host": host,
    }


def protocol_text(description: ModelDescription) -> str:
    """How the headline figure was made; "" where there is none."""
    found = headline(description)
    return "" if found is None else sentence(found)


def tall_first() -> bool:
    """Whether the Pillow at hand resizes tall pictures down first and across then, which rounds otherwise."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 6, 3), dtype=np.uint8)
    picture, side, lanczos = Image.fromarray(noise), 8, Image.Resampling.LANCZOS
    at_once, in_turn = picture.resize((side, side), lanczos), picture.resize((6, side), lanczos)
    return np.array_equal(np.asarray(at_once), np.asarray(in_turn.resize((side, side), lanczos)))


SERVER_PROMISE: Final = (
    "JPEG, PNG, WebP or HEIC. Only the few pixels that the model reads are sent (of what this browser cannot open, the "
    "file), and nothing is kept."
)


def detector_promise(size: int) -> str:
    """What a server that finds animals says: it is sent a small copy of the photo, `size` pixels long, too."""
    return (
        f"JPEG, PNG, WebP or HEIC. A copy of at most {size} pixels is sent to find the animals, then the few pixels of "
        "each that the model reads; nothing is kept."
    )


BROWSER_PROMISE: Final = "JPEG, PNG, WebP or HEIC. The model runs on this device: the photo goes nowhere."
_PAW: Final = re.compile(r'fill="#fff" d="([^"]+)"')


def style() -> str:
    """All styles of the page: the look that petmood's pages share, and the page's own."""
    shared = files("petmood.report").joinpath("templates", "petmood.css").read_text(encoding="utf-8")
    return f"{shared}\n{resource('page.css')}"


def data_block(identifier: str, text: str, kind: str = "application/json") -> Markup:
    """A block of data inside the page: no script, and no text in it can end it."""
    safe = text.replace("<", "\\u003c") if kind == "application/json" else text
    return Markup(f'<script type="{kind}" id="{identifier}">{safe}</script>')


def inline_style(text: str) -> Markup:
    """Styles inside the page."""
    return Markup(f"<style>{_whole(text, 'style')}</style>")


def inline_script(text: str) -> Markup:
    """A classic script inside the page."""
    return Markup(f"<script>{_whole(text, 'script')}</script>")


def digest(text: str) -> str:
    """The source by which a content security policy lets one inline text through."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_html(facts: dict[str, Any], *, head: list[Markup], foot: list[Markup], policy: str = "", **given: Any) -> str:
    """The page.

    Args:
        facts: from `page_facts`.
        head: elements of the head: styles, icons, and scripts that are put off until the page is read.
        foot: elements at the end of the body: data and inline scripts.
        policy: a content security policy, where no header can carry one.
        given: `promise`, `asks_token`, `api`: what hosts say of themselves.
    """
    environment = Environment(
        loader=PackageLoader("petmood.page", ""),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    conformal = facts["model"]["conformal"]
    paw = _PAW.search(resource("icon.svg"))
    return environment.get_template("page.html.j2").render(
        model=facts["name"],
        accuracy=re.sub(r" (?=[%=])|(?<==) ", "\N{NO-BREAK SPACE}", facts["accuracy"]),
        protocol_text=facts["protocol"],
        coverage=conformal["default"] if conformal else None,
        version=facts["version"],
        paw=paw[1] if paw else "",
        head=head,
        foot=[data_block("facts", json.dumps(facts, ensure_ascii=False)), *foot],
        policy=policy,
        **given,
    )


def _whole(text: str, element: str) -> str:
    if f"</{element}" in text.lower() or "<!--" in text:
        raise ValueError(f"the text would end its <{element}> early")
    return text
