"""Makes the axes and centres by which copies are looked for, of drawn pictures alone: no photo is behind them.

    python benchmarks/codebooks.py

Pictures are leaves that lie on each other, of every size and with texture of every grain, under noise whose power
falls with its frequency: what edges and corners of photos are like. Takes some ten minutes; writes
src/petmood/families/codebooks.safetensors. Other centres are another version of every search that was kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image
from safetensors.numpy import save
from sheet import REPOSITORY

from petmood.families.candidates import spread
from petmood.families.index import DIM, SPAN, encode_thumbnail, flat, turned_thumbnails
from petmood.families.local import find_local_features, mirrored, thumbnail, unit
from petmood.records import FloatArray
from petmood.store import write_bytes

OUT = REPOSITORY / "src" / "petmood" / "families" / "codebooks.safetensors"
_SIDE = 160
_STEPS = 8
_SCALE = 127 / SPAN


def leaves(n: int) -> Iterator[Image.Image]:
    """`n` drawn pictures."""
    for seed in range(n):
        rng = np.random.default_rng([seed, 5])
        picture = np.zeros((_SIDE, _SIDE, 3), np.float32) + rng.integers(0, 255, 3)
        for _ in range(260):
            reach = min(4 / (rng.random() ** 0.6 + 0.03), 70)
            centre, colour = rng.integers(-10, _SIDE + 10, 2), rng.integers(0, 255, 3).astype(np.float32)
            mask, kind = np.zeros((_SIDE, _SIDE), np.uint8), rng.integers(3)
            at = (int(centre[0]), int(centre[1]))
            if kind == 0:
                half = (max(1, int(reach)), max(1, int(reach * rng.uniform(0.3, 1))))
                cv2.ellipse(mask, at, half, float(rng.uniform(0, 180)), 0, 360, 1, -1)
            elif kind == 1:
                corners = centre + reach * rng.normal(size=(rng.integers(3, 6), 2))
                cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
            else:
                end = centre + reach * 3 * rng.normal(size=2)
                cv2.line(mask, at, (int(end[0]), int(end[1])), 1, int(max(1, reach / 6)))
            grain = rng.random((int(rng.integers(2, 30)),) * 2).astype(np.float32) - 0.5
            texture = cv2.resize(grain, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) * rng.uniform(0, 90)
            picture = np.where(mask[..., None] > 0, colour + texture[..., None], picture)
        step = np.fft.fftfreq(_SIDE)
        frequency = np.hypot(*np.meshgrid(step, step))
        frequency[0, 0] = 1
        noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_SIDE, _SIDE))) / frequency ** rng.uniform(0.8, 1.4)).real
        picture = picture + (noise / noise.std() * rng.uniform(0, 35))[..., None]
        whole = np.clip(picture, 0, 255).astype(np.uint8)
        yield Image.fromarray(cv2.GaussianBlur(whole, (0, 0), float(rng.uniform(0.3, 1.5))))


def axes_of(vectors: FloatArray) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Mean, axes and how each behaves under the mirror; the two halves of a code have axes of like power."""
    mirror = np.eye(128)[mirrored(np.arange(128)[None])[0]]
    both = np.concatenate([vectors, vectors @ mirror.T.astype(np.float32)])
    mean = both.mean(axis=0)
    spread_of = ((both - mean).T @ (both - mean) / len(both)).astype(np.float64)
    powers, axes, signs = [], [], []
    for sign in (1, -1):
        onto = (np.eye(128) + sign * mirror) / 2
        power, axis = np.linalg.eigh(onto @ spread_of @ onto)
        powers += power[power > 1e-9].tolist()
        axes += list(axis[:, power > 1e-9].T)
        signs += [sign] * int((power > 1e-9).sum())
    order = np.argsort(-np.array(powers), kind="stable")[:DIM]
    order = np.concatenate([order[::2], order[1::2]])
    return mean, np.stack(axes, axis=1)[:, order].astype(np.float32), np.array(signs, dtype=np.int8)[order]


def centres(codes: np.ndarray, k: int) -> np.ndarray:
    """(2, k, 32) int8: k-means of each half."""
    found = []
    for half in np.split(codes.astype(np.float32), 2, axis=1):
        centre = half[np.random.default_rng(7).permutation(len(half))[:k]].copy()
        for _ in range(_STEPS):
            nearest = (0.5 * (centre**2).sum(axis=1) - half @ centre.T).argmin(axis=1)
            for j in range(k):
                if (nearest == j).any():
                    centre[j] = half[nearest == j].mean(axis=0)
        found.append(np.rint(centre))
    return np.stack(found).astype(np.int8)


def main() -> None:
    """Draw, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1_500, help="pictures drawn")
    # one after another, or the machine's threads stand in each other's way
    cv2.setNumThreads(1)
    features = [find_local_features(picture) for picture in leaves(parser.parse_args().pictures)]
    descriptors = np.concatenate([found.descriptors[spread(found)] for found in features])
    mean, axes, signs = axes_of(unit(descriptors))
    codes = np.clip(np.rint((unit(descriptors) - mean) @ axes * _SCALE), -127, 127).astype(np.int8)
    small = np.stack([turned_thumbnails(encode_thumbnail(thumbnail(found.grey))) for found in features])
    small = flat(np.concatenate([small, -small]).reshape(-1, 8, 8))
    tensors = {"mean": mean.astype(np.float32), "axes": axes, "signs": signs}
    tensors |= {f"voters{k}": centres(codes, k) for k in (32, 64, 128, 256)}
    tensors |= {"thumbnails64": centres(small, 64)}
    write_bytes(OUT, save({name: np.ascontiguousarray(tensor) for name, tensor in sorted(tensors.items())}))


if __name__ == "__main__":
    main()
