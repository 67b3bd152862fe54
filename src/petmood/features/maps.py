"""Manifest and backbone -> flattened local features, as the study clusters them: one long row an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from petmood.errors import ModelError
from petmood.features.backbones import Backbone, Preprocess
from petmood.features.extract import open_session
from petmood.pictures import Pictures
from petmood.progress import Tick, silent
from petmood.records import FeatureTable, FloatArray, Manifest
from petmood.threads import in_streams


def unscaled(backbone: Backbone) -> Backbone:
    """The same network fed as the study fed it: pixels in [0, 1], not what its weights were trained on."""
    size = backbone.preprocess.size
    return replace(backbone, preprocess=Preprocess(size, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0)))


def flatten_maps(
    manifest: Manifest, pictures: Pictures, backbone: Backbone, *, progress: Tick = silent
) -> tuple[FeatureTable, tuple[int, int, int]]:
    """(n_images, h * w * dim) flattened local features, and (h, w, dim), the shape of each row before.

    Rows are in Keras' order: height, width, channel. They are large (MobileNet: 200 kB an image) and quick to make
    again, so unlike pooled features they are not kept in the cache; what is made of them is.

    Raises:
        ModelError: the backbone has no local features.
    """
    if backbone.map is None:
        raise ModelError(f"{backbone.name} gives no local features to flatten. Use pooling 'avg', or another backbone.")
    session = open_session(backbone, 1)

    def rows_of(index: Sequence[int]) -> FloatArray:
        pixels = pictures.pixels([manifest.records[i] for i in index], backbone.preprocess.size)
        (maps,) = session.run([backbone.map], {session.get_inputs()[0].name: backbone.preprocess.apply(pixels)})
        rows: FloatArray = maps.transpose(0, 2, 3, 1)
        return rows

    vectors: np.ndarray | None = None
    shape = (0, 0, 0)
    done, n = 0, len(manifest)
    for index, rows in in_streams(range(n), rows_of):
        if vectors is None:
            shape = rows.shape[1:]
            vectors = np.empty((n, int(np.prod(shape))), dtype=np.float32)
        vectors[index] = rows.reshape(len(rows), -1)
        done += len(index)
        progress(done, n)
    if vectors is None:
        raise ModelError("there are no images to extract features from.")
    return FeatureTable(backbone.name, vectors, None, f"{backbone.key}/flatten"), shape
