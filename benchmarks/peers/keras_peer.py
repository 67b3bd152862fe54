"""The reference study's way in Keras on TensorFlow: obeys lines on stdin, answers with seconds, a JSON line each.

It runs in an environment of its own and knows nothing of petmood. Commands, one a line, as JSON:

    {"do": "step", "network": "cnn1", "size": 224, "batch": 32}    seconds of one training step
    {"do": "predict", "images": [PATH, ...], "batch": 1}           seconds of decoding and MobileNet's predict
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

with contextlib.redirect_stdout(sys.stderr):
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers


def cnn1(size: int) -> keras.Model:
    """CNN 1 of the study."""
    convolutions = [
        layer for n in (32, 64, 128) for layer in (layers.Conv2D(n, 3, activation="relu"), layers.MaxPooling2D())
    ]
    head = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    return keras.Sequential(
        [layers.Input((size, size, 3)), *convolutions, *head, layers.Dense(4, activation="softmax")]
    )


def cnn2(size: int) -> keras.Model:
    """CNN 2 of the study."""

    def block(filters: int) -> list[layers.Layer]:
        return [layers.Conv2D(filters, 3), layers.PReLU(), layers.BatchNormalization()]

    repeated = [layer for _ in range(2) for layer in (*block(32), *block(64), layers.MaxPooling2D())]
    head = [layers.Flatten(), layers.Dense(128), layers.PReLU(), layers.BatchNormalization(), layers.Dropout(0.5)]
    return keras.Sequential(
        [layers.Input((size, size, 3)), *block(32), *repeated, *head, layers.Dense(4, activation="softmax")]
    )


class Peer:
    """Networks made once, and the data they are fed."""

    def __init__(self) -> None:
        self.networks: dict[str, keras.Model] = {}

    def step(self, network: str, size: int, batch: int) -> float:
        """Seconds of one training step on images that are decoded and scaled already."""
        if network not in self.networks:
            model = {"cnn1": cnn1, "cnn2": cnn2}[network](size)
            model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
            self.networks[network] = model
        rng = np.random.default_rng(0)
        images = rng.random((batch, size, size, 3), dtype=np.float32)
        targets = np.eye(4, dtype=np.float32)[rng.integers(0, 4, batch)]
        start = time.perf_counter()
        self.networks[network].train_on_batch(images, targets)
        return time.perf_counter() - start

    def predict(self, images: list[str], batch: int) -> float:
        """Seconds from files to MobileNet's pooled features, one `predict` a batch, as the study calls it."""
        if "mobilenet" not in self.networks:
            # speed does not depend on the values of weights
            self.networks["mobilenet"] = keras.applications.MobileNet(include_top=False, weights=None, pooling="avg")
        model = self.networks["mobilenet"]
        start = time.perf_counter()
        for at in range(0, len(images), batch):
            pixels = [
                keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224)))
                for path in images[at : at + batch]
            ]
            model.predict(np.stack(pixels) / 127.5 - 1, verbose=0)
        return time.perf_counter() - start


def main() -> None:
    """Answer until stdin ends."""
    peer = Peer()
    print(json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        do = {"step": peer.step, "predict": peer.predict}[order.pop("do")]
        with contextlib.redirect_stdout(sys.stderr):
            seconds = do(**order)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
