"""What a model must beat: answers from thumbnails, from size and brightness, and from the species, as subjects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np

from petmood import images
from petmood.audit.species import N_IMAGENET, SPECIES, species_probabilities
from petmood.cache import ContentCache
from petmood.errors import MissingExtraError, ModelError
from petmood.features import extract_features, load_backbone
from petmood.records import FeatureTable, FloatArray, Manifest
from petmood.sources import Source
from petmood.train.heads import make_head
from petmood.train.neighbours import ThumbnailNeighbour
from petmood.workflows.predictions import Subject

THUMBNAIL: Final = 16
"""Side in pixels of the thumbnails by which the control recognises pictures."""

DEFAULT_BACKBONE: Final = "efficientnet-lite0"


def thumbnail_vectors(manifest: Manifest, source: Source, cache: ContentCache) -> FloatArray:
    """(n_images, 16 * 16 * 3) float32 in [0, 1]: RGB thumbnails, decoded once and kept by content."""
    namespace = f"pixels{THUMBNAIL}/v{images.DECODE_VERSION}"
    path_of = {r.sha256: r.path for r in manifest.records}
    known = cache.get_many(namespace, list(path_of))
    missing = [sha for sha in path_of if sha not in known]

    def small(sha: str) -> bytes:
        return images.decode(source.read(path_of[sha], images.MAX_FILE_BYTES), THUMBNAIL).tobytes()

    if missing:
        with ThreadPoolExecutor(2) as pool:
            made = dict(zip(missing, pool.map(small, missing), strict=True))
        cache.put_many(namespace, made)
        known |= made
    rows = [np.frombuffer(known[r.sha256], dtype=np.uint8) for r in manifest.records]
    return images.to_unit(np.stack(rows))


def measure_vectors(manifest: Manifest, thumbnails: FloatArray) -> FloatArray:
    """(n_images, 8) float32: log width, height and bytes; mean and spread of brightness; mean red, green and blue."""
    files = np.log([[r.width, r.height, max(r.size_bytes, 1)] for r in manifest.records])
    pixels = thumbnails.reshape(len(manifest), -1, 3)
    grey = pixels.mean(axis=2)
    return np.column_stack([files, grey.mean(axis=1), grey.std(axis=1), pixels.mean(axis=1)]).astype(np.float32)


def species_vectors(
    features: FeatureTable, manifest: Manifest, source: Source, cache: ContentCache
) -> FloatArray | None:
    """(n_images, 8) float32 probabilities of species by the default backbone's ImageNet head.

    None where that backbone cannot be had: then species are simply not known.
    """
    logits = features.logits if features.backbone == DEFAULT_BACKBONE else None
    if logits is None or logits.shape[1] != N_IMAGENET:
        try:
            logits = extract_features(manifest, source, load_backbone(DEFAULT_BACKBONE), cache).logits
        except (MissingExtraError, ModelError):
            return None
    return species_probabilities(logits).astype(np.float32) if logits is not None else None


def species_names(probabilities: FloatArray) -> list[str]:
    """The most probable species of each image."""
    return [SPECIES[i] for i in probabilities.argmax(axis=1)]


def thumbnail_subject(thumbnails: FloatArray) -> Subject:
    """The class of the most similar thumbnail seen in training."""
    title = f"Nearest {THUMBNAIL}x{THUMBNAIL} thumbnail"
    return Subject("thumbnail-1nn", title, ThumbnailNeighbour, thumbnails, f"{THUMBNAIL}/v2/{images.DECODE_VERSION}")


def simple_subjects(
    features: FeatureTable, manifest: Manifest, source: Source, cache: ContentCache, seed: int
) -> tuple[Subject, ...]:
    """Thumbnails, size and brightness, and (where it is known) species; majority needs no vectors and is apart."""
    thumbnails = thumbnail_vectors(manifest, source, cache)
    species = species_vectors(features, manifest, source, cache)
    logistic = partial(make_head, "logistic-c1", seed)
    found = [
        thumbnail_subject(thumbnails),
        Subject(
            "size-brightness",
            "Size, brightness and colour of the file alone",
            logistic,
            measure_vectors(manifest, thumbnails),
            f"v1/{images.DECODE_VERSION}",
        ),
    ]
    if species is not None:
        found.append(Subject("species", "Species alone", logistic, species, f"{DEFAULT_BACKBONE}/{features.key}"))
    return tuple(found)
