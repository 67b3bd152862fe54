from __future__ import annotations

from pathlib import Path

import numpy as np

from drawing import split_files, write_tree
from needs import needs
from petmood.cache import ContentCache
from petmood.features import extract_features, load_backbone
from petmood.features.maps import flatten_maps
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.sources import open_source

needs("torch")


def test_flattened_maps_are_rows_of_height_width_channel_that_pool_to_the_features(tmp_path: Path) -> None:
    cache = ContentCache()
    with Pictures(open_source(write_tree(tmp_path / "data", split_files()))) as pictures:
        manifest = read_dataset(pictures.source, cache)
        backbone = load_backbone("efficientnet-lite0")
        seen: list[tuple[int, int]] = []
        flat, shape = flatten_maps(manifest, pictures, backbone, progress=lambda done, n: seen.append((done, n)))
        pooled = extract_features(manifest, pictures, backbone, cache)
    assert shape == (7, 7, 1280)
    assert flat.vectors.shape == (len(manifest), 62_720)
    assert seen[-1] == (len(manifest), len(manifest))
    np.testing.assert_allclose(flat.vectors.reshape(-1, 49, 1280).mean(axis=1), pooled.vectors, atol=1e-4)
    assert flat.key != pooled.key
