"""Copies of a photo are found in pixels, whatever was done to them; other photos are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from drawing import covered, deformed, photo, printed, saved, write_tree
from petmood.cache import ContentCache
from petmood.families.join import join_families
from petmood.families.links import PixelLinks, find_links
from petmood.families.local import MAX_POINTS, SIDE, LocalFeatures, find_local_features, mirrored, unit
from petmood.families.verify import NOTHING, Verdict, verify
from petmood.images import open_rgb
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.sources import open_source


def within(im: Image.Image, other: Image.Image) -> Image.Image:
    out = other.copy()
    out.paste(im.resize((other.width // 2, other.height // 2)), (other.width // 3, other.height // 4))
    return out


def beside(im: Image.Image, other: Image.Image) -> Image.Image:
    out = Image.new("RGB", (im.width * 2, im.height))
    out.paste(im, (0, 0))
    out.paste(other, (im.width, 0))
    return out


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved anew": lambda im: im,
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "quarter turn": lambda im: im.transpose(Image.Transpose.ROTATE_90),
    "turned 20 degrees": lambda im: im.rotate(20, Image.Resampling.BICUBIC),
    "cropped to a third": lambda im: im.crop((60, 40, 190, 170)),
    "cropped and enlarged": lambda im: im.crop((30, 30, 200, 200)).resize((224, 224)),
    "half the size": lambda im: im.resize((112, 112)),
    "squeezed": lambda im: im.resize((224, 170)),
    "brighter": lambda im: ImageEnhance.Brightness(im).enhance(1.4),
    "darker": lambda im: ImageEnhance.Brightness(im).enhance(0.5),
    "grey": lambda im: im.convert("L").convert("RGB"),
    "mirrored, cropped, darker": lambda im: ImageEnhance.Brightness(
        ImageOps.mirror(im).crop((20, 10, 200, 190))
    ).enhance(0.7),
    "inverted": ImageOps.invert,
    "covered": covered,
    "printed over": printed,
    "in a collage": lambda im: beside(im, photo(77)),
    "deformed": deformed,
    "in a corner of another": lambda im: within(im, photo(78)),
    "framed": lambda im: ImageOps.expand(im, 20, "black"),
}


def features_of(image: Image.Image, fmt: str = "JPEG") -> LocalFeatures:
    """Local features of a picture after it was saved."""
    return find_local_features(open_rgb(saved(image, fmt)))


def links_of(root: Path, files: dict[str, bytes], cache: ContentCache) -> tuple[PixelLinks, dict[str, str]]:
    """What pixels say of some files, and the name of each digest."""
    with open_source(write_tree(root, files)) as source:
        manifest = read_dataset(source, cache, labelled=False)
        return find_links(manifest.records, Pictures(source), cache), {
            r.sha256: Path(r.path).stem for r in manifest.records
        }


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> tuple[PixelLinks, dict[str, str]]:
    """A photo with every edit of it, among twelve other photos."""
    files = {f"{seed}.jpg": saved(photo(seed)) for seed in range(14)}
    files |= {
        f"{seed} {name}.jpg": saved(edit(photo(seed)), quality=60) for seed in (0,) for name, edit in EDITS.items()
    }
    return links_of(tmp_path_factory.mktemp("edited"), files, ContentCache(tmp_path_factory.mktemp("cache")))


def connected(links: PixelLinks, name_of: dict[str, str]) -> list[set[str]]:
    groups = [{name} for name in name_of.values()]
    for link in links.same:
        a, b = (next(g for g in groups if name_of[sha] in g) for sha in (link.first, link.second))
        if a is not b:
            groups.remove(b)
            a |= b
    return groups


def test_every_edit_is_joined_to_its_photo_and_nothing_else_is(edited: tuple[PixelLinks, dict[str, str]]) -> None:
    groups = connected(*edited)
    assert sorted(map(sorted, groups)) == sorted(
        sorted([str(seed), *(f"{seed} {name}" for name in EDITS if seed == 0)]) for seed in range(14)
    )


@pytest.mark.parametrize("name", EDITS)
def test_each_edit_is_verified_against_the_photo_itself(name: str) -> None:
    found = [features_of(im) for im in (photo(3), EDITS[name](photo(3)), photo(4))]
    verdict = verify(found[0], found[1])
    assert verdict.same_photo
    assert verdict.mirrored is (name.startswith("mirrored") or name == "upside down")
    assert not verify(found[0], found[2]).same_photo
    assert not verify(found[1], found[2]).same_photo


def test_of_many_copies_no_more_pairs_are_looked_at_than_join_them(tmp_path: Path) -> None:
    files = {f"{i}.jpg": saved(photo(4).rotate(5 * i), quality=60 + 5 * i) for i in range(7)}
    links, name_of = links_of(tmp_path / "data", files, ContentCache(tmp_path / "cache"))
    assert len(connected(links, name_of)) == 1
    assert len(links.same) == len(files) - 1


@pytest.mark.parametrize(("inliers", "joined"), [(12, 2), (30, 3)])
def test_two_copies_unlike_each_other_both_join_their_photo_where_many_features_agree(
    inliers: int, joined: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{i}.jpg": saved(photo(6), quality=60 + 10 * i) for i in range(3)}
    cache = ContentCache(tmp_path / "cache")
    first = find_local_features(open_rgb(files["0.jpg"])).grey.tobytes()
    alike = Verdict(inliers, 0.74, 0.8, 0.0, 0.9, 1.0, 1.0, False, "whole")

    def verdicts(pool: object, pairs: list[tuple[int, int]], features: Callable[[int], LocalFeatures]) -> list[Verdict]:
        shows_first = [any(features(i).grey.tobytes() == first for i in pair) for pair in pairs]
        return [alike if shown else NOTHING for shown in shows_first]

    monkeypatch.setattr("petmood.families.links.verify_all", verdicts)
    links, name_of = links_of(tmp_path / "data", files, cache)
    assert max(len(group) for group in connected(links, name_of)) == joined


def test_mirrored_descriptors_are_those_of_the_mirror_image() -> None:
    picture = photo(5)
    a, b = (features_of(im, "PNG") for im in (picture, ImageOps.mirror(picture)))
    mirrored_points = np.stack([a.width - 1 - a.points[:, 0], a.points[:, 1]], axis=1)
    gaps = np.linalg.norm(mirrored_points[:, None] - b.points[None, :, :2], axis=2)
    apart = np.linalg.norm(unit(mirrored(a.descriptors))[:, None] - unit(b.descriptors)[None], axis=2)
    # a point may have several directions, each with a descriptor of its own
    best = np.where(gaps < 1.5, apart, np.inf).min(axis=1)
    plain = np.linalg.norm(unit(a.descriptors)[:, None] - unit(b.descriptors)[None], axis=2)
    plain = np.where(gaps < 1.5, plain, np.inf).min(axis=1)
    assert np.median(best) < 0.15
    assert np.median(plain) > 0.5


def test_a_shared_logo_or_frame_joins_nothing(tmp_path: Path) -> None:
    logo = photo(99, (60, 60))

    def marked(seed: int) -> Image.Image:
        picture = ImageOps.expand(photo(seed, (204, 204)), 10, "red")
        picture.paste(logo, (150, 150))
        ImageDraw.Draw(picture).text((20, 20), "PHOTO CONTEST 2024", fill="white")
        return picture

    links, _ = links_of(tmp_path, {f"{i}.jpg": saved(marked(i)) for i in range(6)}, ContentCache(tmp_path / "cache"))
    assert links.same == ()


def test_blank_and_tiny_pictures_are_neither_joined_nor_a_trouble(tmp_path: Path) -> None:
    files = {f"blank{i}.png": saved(Image.new("RGB", (64, 64), (i, i, i)), "PNG") for i in (0, 128, 255)}
    files |= {
        "dot.png": saved(Image.new("RGB", (1, 1), "red"), "PNG"),
        "line.png": saved(Image.new("L", (300, 1)), "PNG"),
    }
    files |= {"photo.jpg": saved(photo(1))}
    links, _ = links_of(tmp_path, files, ContentCache(tmp_path / "cache"))
    assert links.same == ()


def test_smooth_pictures_are_found_as_wholes(tmp_path: Path) -> None:
    def smooth(seed: int) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)

    files = {f"{seed}.jpg": saved(smooth(seed)) for seed in range(8)}
    files["0 turned.jpg"] = saved(smooth(0).transpose(Image.Transpose.ROTATE_180), quality=60)
    links, name_of = links_of(tmp_path, files, ContentCache(tmp_path / "cache"))
    assert [{name_of[link.first], name_of[link.second]} for link in links.same] == [{"0", "0 turned"}]


def test_links_depend_on_the_files_alone_and_are_found_at_once_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{seed}.jpg": saved(photo(seed)) for seed in range(4)}
    files["copy.jpg"] = saved(ImageOps.mirror(photo(2)))
    cache = ContentCache(tmp_path / "cache")
    first, _ = links_of(tmp_path / "one", files, cache)
    renamed = {f"z{i}.jpg": data for i, data in enumerate(reversed(files.values()))}
    cold, _ = links_of(tmp_path / "two", renamed, ContentCache(tmp_path / "cold"))
    assert first == cold
    assert len(first.same) == 1
    monkeypatch.setattr("petmood.families.store.find_local_features", lambda image: pytest.fail("looked at again"))
    monkeypatch.setattr("petmood.families.links.verify_all", lambda *asked: pytest.fail("verified again"))
    assert links_of(tmp_path / "three", renamed, cache)[0] == first


def test_a_cut_off_search_resumes_and_a_photo_that_is_added_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petmood.threads.cores", lambda: 1)
    files = {f"{seed}.jpg": saved(photo(seed, (64, 64))) for seed in range(24)}
    cache = ContentCache(tmp_path / "cache")
    looked: list[bytes] = []

    def look(image: Image.Image) -> LocalFeatures:
        looked.append(image.tobytes())
        return find_local_features(image)

    monkeypatch.setattr("petmood.families.store.find_local_features", look)
    with open_source(write_tree(tmp_path / "data", files)) as source:
        records = read_dataset(source, cache, labelled=False).records

        def stop(done: int, total: int) -> None:
            if done == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            find_links(records, Pictures(source), cache, stop)
        assert 4 <= (cut := len(looked)) < 20
        find_links(records[:-1], Pictures(source), cache)
        before = len(looked)
        added = find_links(records, Pictures(source), cache)
    assert len(looked) - before <= 1
    assert len(looked) == cut + 20
    with open_source(tmp_path / "data") as source:
        assert find_links(records, Pictures(source), ContentCache(tmp_path / "cold")) == added


def test_local_features_are_bounded_and_strongest_first() -> None:
    found = features_of(photo(0, (900, 600)))
    assert (found.width, found.height) == (SIDE, round(SIDE * 600 / 900))
    assert len(found.points) == len(found.descriptors) == MAX_POINTS
    assert (found.points[:, :3] >= 0).all()
    assert (found.points[:, :2] <= [found.width, found.height]).all()


@pytest.mark.slow
@pytest.mark.realdata
def test_pixels_find_the_families_that_real_names_tell(real_data: Path, tmp_path: Path) -> None:
    with open_source(real_data) as source:
        named = read_dataset(source, ContentCache(tmp_path))
        links = find_links(named.records, Pictures(source), ContentCache(tmp_path / "links"))
    found = join_families(named, links.same, "pixels")
    by_name = [named.records[row].family for row in range(len(named))]
    by_pixels = [record.family for record in found.records]
    pairs = set(zip(by_name, by_pixels, strict=True))
    assert len(pairs) == len(set(by_name)) == len(set(by_pixels)) == 370
