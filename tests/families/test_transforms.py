"""Drawn pictures, and drawn edits of them: copies join, other photos and next frames do not."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from drawing import deformed, photo, saved
from petmood.demo.dataset import draw_portrait
from petmood.families.local import LocalFeatures, find_local_features
from petmood.families.verify import MIN_INLIERS, verify
from petmood.images import open_rgb

FEW = settings(max_examples=12, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 10_000)


def features_of(image: Image.Image, quality: int = 85) -> LocalFeatures:
    return find_local_features(open_rgb(saved(image, quality=quality)))


@st.composite
def transforms(draw: st.DrawFn) -> tuple[int, bool, int, float, float, bool, tuple[int, int] | None, int]:
    """Quarter turns, mirror, margin cut off, size, light, negative, corner of a covering box, quality of the JPEG."""
    box = draw(st.one_of(st.none(), st.tuples(st.integers(0, 120), st.integers(0, 120))))
    return (
        draw(st.integers(0, 3)),
        draw(st.booleans()),
        draw(st.integers(0, 40)),
        draw(st.floats(0.5, 1.5)),
        draw(st.floats(0.6, 1.4)),
        draw(st.booleans()),
        box,
        draw(st.integers(30, 95)),
    )


@FEW
@given(seed=seeds, how=transforms())
def test_a_copy_joins_whatever_was_done_to_it(
    seed: int, how: tuple[int, bool, int, float, float, bool, tuple[int, int] | None, int]
) -> None:
    turns, mirror, margin, size, light, negative, box, quality = how
    out = photo(seed)
    if box is not None:
        ImageDraw.Draw(out).rectangle((*box, box[0] + 80, box[1] + 80), fill=(90, 140, 60))
    out = out.crop((margin, margin // 2, 224 - margin // 3, 224 - margin))
    out = ImageOps.mirror(out) if mirror else out
    out = out.rotate(90 * turns, expand=True)
    out = out.resize((round(out.width * size), round(out.height * size)))
    out = ImageEnhance.Brightness(ImageOps.invert(out) if negative else out).enhance(light)
    assert verify(features_of(photo(seed)), features_of(out, quality)).same_photo


@FEW
@given(seed=seeds, reach=st.floats(8, 20), share=st.floats(0.05, 0.25))
def test_a_deformed_copy_joins_however_it_is_pulled(seed: int, reach: float, share: float) -> None:
    verdict = verify(features_of(photo(seed)), features_of(deformed(photo(seed), seed, reach, share * reach)))
    assert verdict.same_photo


@FEW
@given(seed=seeds, solarised=st.booleans(), at=st.integers(90, 190), steps=st.integers(4, 8))
def test_a_copy_whose_tones_went_through_a_curve_joins(seed: int, solarised: bool, at: int, steps: int) -> None:
    level = np.arange(256)
    curve = np.where(level < at, level, 255 - level) if solarised else (level * steps // 256) * 255 // (steps - 1)
    toned = photo(seed).convert("L").point(curve.tolist()).convert("RGB")
    assert verify(features_of(photo(seed)), features_of(toned)).same_photo
    assert not verify(features_of(photo(seed + 1)), features_of(toned)).same_photo


@FEW
@given(seed=seeds, turn=st.floats(0.15, 0.3), reach=st.floats(0.3, 0.4))
def test_a_swirled_copy_joins_though_it_turns_as_one_piece(seed: int, turn: float, reach: float) -> None:
    pixels = np.asarray(photo(seed))
    y, x = np.mgrid[:224, :224].astype(np.float32) - 112
    angle = turn * np.exp(-(x**2 + y**2) / (224 * reach) ** 2)
    across = np.asarray(np.cos(angle) * x - np.sin(angle) * y + 112, np.float32)
    down = np.asarray(np.sin(angle) * x + np.cos(angle) * y + 112, np.float32)
    moved = cv2.remap(pixels, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    swirled = Image.fromarray(np.asarray(moved, np.uint8))
    assert verify(features_of(photo(seed)), features_of(swirled)).same_photo


@FEW
@given(seed=seeds, shift=st.floats(2, 7), turn=st.floats(-3, 3), soft=st.floats(4, 14))
def test_what_moved_as_two_pieces_with_a_soft_edge_is_no_deformation(
    seed: int, shift: float, turn: float, soft: float
) -> None:
    scene = photo(seed).convert("RGB")
    front = Image.new("L", scene.size)
    ImageDraw.Draw(front).ellipse((50, 40, 180, 190), fill=255)
    moved = scene.rotate(turn, Image.Resampling.BICUBIC, translate=(round(shift), round(shift / 2)))
    later = Image.composite(moved, scene, front.filter(ImageFilter.GaussianBlur(soft)))
    assert verify(features_of(scene), features_of(later)).kind != "bent"


@FEW
@given(first=seeds, second=seeds)
def test_different_photos_do_not_join(first: int, second: int) -> None:
    other = second if second != first else first + 1
    assert not verify(features_of(photo(first)), features_of(photo(other))).same_photo


@FEW
@given(seed=seeds, across=st.integers(3, 9), down=st.integers(3, 9), noise=st.integers(1, 4))
def test_the_next_frame_does_not_join(seed: int, across: int, down: int, noise: int) -> None:
    scene = np.asarray(photo(seed)).copy()
    front = np.asarray(photo(seed + 20_000))[40:150, 50:160]
    frames = []
    for x, y in ((60, 50), (60 + across, 50 + down)):
        frame = scene.copy()
        frame[y : y + 110, x : x + 110] = front
        drawn = np.random.default_rng([seed, x]).normal(size=frame.shape) * noise
        frames.append(Image.fromarray(np.clip(frame + drawn, 0, 255).astype(np.uint8)))
    verdict = verify(features_of(frames[0]), features_of(frames[1]))
    assert verdict.moved > 0.05
    assert not verdict.same_photo


def test_a_crop_is_told_whichever_of_the_two_comes_first() -> None:
    told = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        kind = seed % 3
        face = draw_portrait(("cat", "dog", "rabbit")[kind], ("happy", "Sad", "Angry")[kind], 1.0, 224, rng).image
        share = rng.uniform(0.35, 0.5)
        left, top = rng.uniform(0, 1 - share, 2) * 224
        cropped = face.crop((int(left), int(top), int(left + share * 224), int(top + share * 224))).resize((224, 224))
        if seed % 2:
            cropped = cropped.filter(ImageFilter.GaussianBlur(2.5))
        a, b = find_local_features(face), find_local_features(cropped)
        one, other = verify(a, b), verify(b, a)
        if max(one.inliers, other.inliers) >= MIN_INLIERS:
            assert one.same_photo == other.same_photo, seed
            told.append(one.same_photo)
    assert sum(told) >= 5
