"""JavaScript and Python do the same: words, resizing, probes, colours; each on drawn examples of the kind."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageFilter

from drawing import photo
from petmood.bundle import Prediction
from petmood.bundle.headline import WORDS, counted, say, share
from petmood.bundle.inputs import Prepared
from petmood.bundle.judge import judge
from petmood.bundle.prediction import SureRate
from petmood.bundle.schema import ModelDescription
from petmood.explain import probes
from petmood.explain.sheet import SCALE, blend, overlay
from petmood.page.html import tall_first
from web.conftest import CHROMIUM

from .conftest import as_pixels, as_text, call

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs Debian's")
RNG = np.random.default_rng(18)


def drawn_predictions(count: int) -> list[Prediction]:
    """Every verdict, with and without a set, names of all kinds, and shares that lie between two whole percents."""
    found = []
    for i in range(count):
        names = [["Angry", "Sad", "happy"], ["mürrisch", "{mood}", "a & b"], ["x", "$&"]][i % 3]
        row = RNG.dirichlet(np.ones(len(names)))
        if i % 4 == 0:
            row = np.array([0.125, 0.375, 0.5])[: len(names)]
        order = sorted(names, key=lambda name: -dict(zip(names, row, strict=True))[name])
        inside = None if i % 5 == 0 else tuple(order[: 1 + i % len(names)])
        verdict = "no-pet-face" if i % 7 == 0 else "sure" if inside is not None and len(inside) == 1 else "not-sure"
        rate = SureRate(right=i, n=i + 3, low=float(row[0]) / 2, high=0.99, stated=0.8)
        found.append(
            Prediction(
                source="s",
                width=1,
                height=1,
                verdict=verdict,
                rate=rate if verdict == "sure" and i % 2 else None,
                mood=order[0],
                probability=float(max(row)),
                probabilities=dict(zip(names, map(float, row), strict=True)),
                prediction_set=inside,
                coverage=0.8,
                species=None,
                species_probabilities=None,
                pet=None,
                cautions=(),
            )
        )
    return found


def test_every_word_of_an_answer_is_the_same(blank: Page) -> None:
    given = drawn_predictions(200)
    texts = call(
        blank,
        "words",
        "(m.setWords(given.words), given.all.map((p) => [m.sentence(p), m.headline(p), m.share(p.probability)]))",
        {"words": dict(WORDS), "all": [p.model_dump(mode="json") for p in given]},
    )
    assert texts == [[p.sentence, say(f"headline.{p.verdict}", mood=p.mood), share(p.probability)] for p in given]
    assert len({t[0].split("(")[0].split(":")[0] for t in texts}) > 3


def drawn_model(i: int) -> ModelDescription:
    """A model with rules of every kind, some of which hold for no picture and some for all."""
    classes = ("Angry", "Sad", "happy")[: 2 + i % 2]
    level = {
        "coverage": 0.8,
        "thresholds": {name: None if i % 5 == 0 else float(RNG.uniform(0.2, 0.9)) for name in classes},
        "n": 370,
        "mean_size": 1.5,
        "singletons": 0.4,
        "singletons_right": 130,
        "singletons_ci": None if i % 7 == 0 else [0.81, 0.93],
        "sure": i % 3 != 0,
    }
    return ModelDescription.model_validate(
        {
            "petmood": "0",
            "kind": "head",
            "title": "t",
            "classes": classes,
            "input": {"size": 32, "mean": [0, 0, 0], "std": [1, 1, 1]},
            "features": 6,
            "maps": False,
            "imagenet": False,
            "backbone": None,
            "calibration": {"temperature": 1.0, "n": 5, "protocol": "p"},
            "conformal": {"method": "m", "protocol": "p", "default": 0.8, "levels": [level]},
            "pet": None,
            "quality": {"min_side": 16, "min_sharpness": 4.0, "min_brightness": 40.0, "n": 100},
            "unlike": {"max_distance": 0.4, "nearest": 3, "share": 0.95, "n": 1234, "sources": 2} if i % 4 else None,
            "data": {"name": "d", "sha256": "0", "images": 4, "photos": 4, "fitted": 4, "photos_by_class": {}},
            "evaluation": [],
            "licences": [],
        }
    )


def test_a_reading_is_the_same(blank: Page) -> None:
    kept = RNG.standard_normal((9, 6)).astype(np.float32)
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    given, expected = list[dict[str, object]](), []
    for i in range(60):
        model = drawn_model(i)
        picture = Prepared(
            "picture",
            np.zeros((32, 32, 3), np.uint8),
            int(RNG.integers(8, 90)),
            int(RNG.integers(8, 90)),
            float(RNG.uniform(2, 9)),
            float(RNG.uniform(20, 90)),
        )
        row = RNG.dirichlet(np.full(len(model.classes), 0.4)).astype(np.float32)
        features = RNG.standard_normal(6).astype(np.float32) + kept[0] * RNG.choice([0, 4])
        away = np.sort(1 - kept @ (features / np.linalg.norm(features)))[np.newaxis]
        expected.append(judge(model, [picture], row[np.newaxis], distances=away)[0].model_dump(mode="json"))
        facts = {"model": model.model_dump(mode="json"), "species": None}
        fields = ("width", "height", "sharpness", "brightness")
        given.append(
            {
                "facts": facts,
                "picture": {name: getattr(picture, name) for name in fields},
                "outputs": {"probabilities": row.tolist(), "features": features.tolist()},
            }
        )
    photos = {"unit": kept.ravel().tolist(), "n": 9}
    found = call(
        blank,
        "judge",
        "($words.setWords(given.words), given.all.map((g) => m.judge(g.facts, g.picture, g.outputs, given.photos)))",
        {"words": dict(WORDS), "all": given, "photos": photos},
    )
    for one, other in zip(found, expected, strict=True):
        doubles = {"probability": None, "probabilities": None}  # the same numbers, of another length
        assert one | doubles == other | doubles
    seen = {(p["verdict"], p["rate"] is None, any(c["code"] == "unlike" for c in p["cautions"])) for p in expected}
    assert {("sure", False, False), ("sure", True, False), ("not-sure", True, True), ("not-sure", True, False)} <= seen


def test_shares_round_as_python_does_at_every_half_percent(blank: Page) -> None:
    values = [i / 200 for i in range(201)] + RNG.random(200).tolist()
    given = {"words": dict(WORDS), "values": values}
    found = call(blank, "words", "(m.setWords(given.words), given.values.map(m.share))", given)
    assert found == [share(value) for value in values]


def test_labels_of_the_nearest_photos_are_counted_alike(blank: Page) -> None:
    lists = [RNG.choice(["Sad", "happy", "Other"], size=n).tolist() for n in (0, 1, 2, 3, 5, 5, 5, 9)]
    found = call(
        blank, "words", "(m.setWords(given.words), given.lists.map(m.counted))", {"words": dict(WORDS), "lists": lists}
    )
    assert found == [counted(labels) for labels in lists]
    assert found[0] == ""


@pytest.mark.parametrize("size", [(64, 64), (150, 99), (29, 192), (40, 30), (192, 29), (90, 120), (66, 130)])
def test_pixels_are_those_of_pillow(blank: Page, size: tuple[int, int]) -> None:
    picture = photo(sum(size), size)
    found = call(
        blank,
        "pixels",
        "text(m.resize(bytes(given.rgb), given.width, given.height, 64, given.tall))",
        {"rgb": as_text(np.asarray(picture)), "width": size[0], "height": size[1], "tall": tall_first()},
    )
    expected = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(as_pixels(found, 64, 64, 3), expected)


@pytest.mark.parametrize(("size", "factor"), [((150, 99), 2), ((151, 100), 3), ((97, 64), 5), ((30, 200), 7)])
def test_large_pictures_are_reduced_as_pillow_does(blank: Page, size: tuple[int, int], factor: int) -> None:
    picture = photo(sum(size), size)
    found = call(
        blank,
        "pixels",
        "text(m.reduce(bytes(given.rgb), given.width, given.height, given.factor))",
        {"rgb": as_text(np.asarray(picture)), "width": size[0], "height": size[1], "factor": factor},
    )
    expected = np.asarray(picture.reduce(factor))
    np.testing.assert_array_equal(as_pixels(found, *expected.shape), expected)


@pytest.mark.parametrize("size", [224, 96])
def test_probes_are_those_of_python(blank: Page, size: int) -> None:
    pixels = np.asarray(photo(size, (size, size)))
    places = [0, 6, 24, 31, 48]
    found = call(
        blank,
        "probes",
        "((p) => [...given.places.map((i) => m.covered(p, given.size, i)), ...m.hidden(p, given.size)].map(text))"
        "(bytes(given.p))",
        {"p": as_text(pixels), "size": size, "places": places},
    )
    made = np.stack([as_pixels(text, size, size, 3) for text in found])
    np.testing.assert_array_equal(made[: len(places)], probes.covered(pixels)[places])
    np.testing.assert_array_equal(made[len(places) :], probes.hidden(pixels))


@pytest.mark.parametrize("sigma", [4.0, 6.0, 10.0, 14.0, 20.5])
def test_the_blur_is_that_of_pillow(blank: Page, sigma: float) -> None:
    picture = photo(int(sigma), (60, 60))
    given = {"p": as_text(np.asarray(picture)), "sigma": sigma}
    found = call(blank, "probes", "text(m.blurred(bytes(given.p), 60, given.sigma))", given)
    expected = np.asarray(picture.filter(ImageFilter.GaussianBlur(sigma)))
    np.testing.assert_array_equal(as_pixels(found, 60, 60, 3), expected)


def test_background_sentences_are_those_of_python(blank: Page) -> None:
    whole, rows = (
        RNG.dirichlet(np.ones(3), 60).astype(np.float32),
        RNG.dirichlet(np.ones(3) / 3, (60, 3)).astype(np.float32),
    )
    rows[:10] = whole[:10, np.newaxis]
    found = call(
        blank,
        "probes",
        "($words.setWords(given.words), given.whole.map((w, i) => m.backgroundOf(w, given.rows[i], 1)))",
        {"words": dict(WORDS), "whole": whole.tolist(), "rows": rows.tolist()},
    )
    expected = [probes.background(w, r, 1).model_dump() for w, r in zip(whole, rows, strict=True)]
    assert [f["sentence"] for f in found] == [e["sentence"] for e in expected]
    assert len({f["sentence"] for f in found}) == 4
    assert [f["reliance"] for f in found] == pytest.approx([e["reliance"] for e in expected], abs=1e-5)


def test_the_colours_over_a_photo_are_those_of_the_sheet(blank: Page, tmp_path: Path) -> None:
    side = 90
    picture, values = photo(5, (side, side)), RNG.normal(0.2, 1, (7, 7)).astype(np.float32)
    data = io.BytesIO()
    picture.save(data, "PNG")
    found = call(
        blank,
        "heat",
        """(async () => {
            const bitmap = await createImageBitmap(new Blob([bytes(given.png)]));
            const canvas = new OffscreenCanvas(given.side, given.side);
            m.paintHeat(canvas, bitmap, { width: given.side, height: given.side }, null, given.values, given.scale);
            return text(canvas.getContext("2d").getImageData(0, 0, given.side, given.side).data);
        })()""",
        {
            "png": as_text(np.frombuffer(data.getvalue(), np.uint8)),
            "side": side,
            "values": values.tolist(),
            "scale": SCALE,
        },
    )
    rgb = as_pixels(found, side, side, 4)[..., :3].astype(int)
    own = np.asarray(overlay(np.asarray(picture), values)).astype(int)
    assert np.abs(rgb - own).max() <= 2


def luminance(rgb: np.ndarray) -> np.ndarray:
    linear = np.where(rgb / 255 <= 0.04045, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("level", [0, 40, 128, 255])
def test_much_evidence_stands_out_on_any_photo_by_lightness_alone(level: int) -> None:
    # lightness is what all eyes share: the most must differ from nothing on black, grey and white photos alike
    heat = np.linspace(0, 1, 11)[np.newaxis]
    seen = luminance(blend(np.full((1, 11, 3), level, dtype=np.uint8), heat)[0].astype(float))
    assert (seen[-1] + 0.05) / (seen[0] + 0.05) > 2
    assert (np.diff(seen[4:]) > 0).all()
