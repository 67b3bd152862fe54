"""Manifests without images, drawn at random, for tests of what is done with families, classes and splits."""

from __future__ import annotations

from hypothesis import strategies as st

from petmood.records import ImageRecord, Manifest

SPLITS = ("train", "valid", "test")


def make_manifest(rows: list[tuple[str, str, str, bool]], *, official: bool = False) -> Manifest:
    """Rows of (class, split, family, derived)."""
    records = tuple(
        ImageRecord(f"{i:04d}.jpg", name, split, family, derived, f"sha{i}", 8, 8, "JPEG", 9, "RGB", False)
        for i, (name, split, family, derived) in enumerate(rows)
    )
    classes = tuple(sorted({r.class_name for r in records}))
    return Manifest("x", "class", classes, records, (), (), official, "names", len(records))


@st.composite
def manifests(draw: st.DrawFn, *, leaky: bool = False, most: int = 12) -> Manifest:
    """Three classes of 5 to `most` photos with up to 4 files each; `leaky` deals the files of a photo over splits."""
    rows = []
    for name in ("a", "b", "c"):
        for photo in range(draw(st.integers(5, most))):
            split = draw(st.sampled_from(SPLITS))
            for copy in range(draw(st.integers(1, 4))):
                where = draw(st.sampled_from(SPLITS)) if leaky else split
                rows.append((name, where, f"{name}{photo}", copy > 0))
    order = draw(st.permutations(range(len(rows))))
    return make_manifest([rows[i] for i in order], official=True)


def many_photos(photos: int, files: int, classes: int = 3) -> Manifest:
    """`photos` photos of each class with `files` files each: the last fifth is test, the fifth before it valid."""
    rows = []
    for k in range(classes):
        for photo in range(photos):
            split = SPLITS[0 if photo < 0.6 * photos else 1 if photo < 0.8 * photos else 2]
            rows += [("abcdefgh"[k], split, f"{k}-{photo}", copy > 0) for copy in range(files)]
    return make_manifest(rows, official=True)
