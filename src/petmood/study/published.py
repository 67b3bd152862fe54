"""The figures that the reference study printed, as it printed them (a notebook of August 2023)."""

from __future__ import annotations

from typing import Final

ORDER: Final = ("happy", "Sad", "Angry", "Other")
"""The study's order of classes."""

COUNTS: Final = {
    "train": {"happy": 250, "Sad": 250, "Angry": 250, "Other": 250},
    "valid": {"happy": 11, "Sad": 10, "Angry": 9, "Other": 6},
    "test": {"happy": 11, "Sad": 11, "Angry": 10, "Other": 6},
}
TARGET_SIZE: Final = 224

FEATURES: Final = {"mobilenet": 7 * 7 * 1024, "resnet50": 7 * 7 * 2048}
"""Numbers that each network makes of an image, flattened."""

CLUSTER_SIZES: Final = {
    "mobilenet": {"train": (361, 288, 242, 109), "valid": (14, 13, 5, 4), "test": (14, 14, 9, 1)},
    # the notebook's text lost a line of train; the four clusters hold 1,000 images
    "resnet50": {"train": (387, 359, 150, 104), "test": (16, 12, 5, 5)},
}
"""Images in each cluster, largest first."""

TOP_SHARE: Final = {"mobilenet": {"train": 0.50}, "resnet50": {"valid": 0.75, "test": 0.60}}
"""The share of the commonest mood in the purest cluster that the study's text calls notable."""

PARAMETERS: Final = {"cnn1": (11_169_476, 11_169_476), "cnn2": (29_458_340, 29_457_636)}
"""All and trainable parameters."""

CONFUSION_CNN1: Final = ((4, 4, 1, 2), (4, 3, 2, 2), (1, 3, 5, 1), (1, 1, 2, 2))
"""On test, actual classes in rows, in the study's order."""

TEST_CORRECT: Final = {"cnn1": 14, "cnn2": 6}
"""Of 38."""

VALID_CORRECT: Final = {"cnn1": 14, "cnn2": 8}
"""Of 36, with the weights that were kept (0.3889 after epoch 10; 0.2222 after epoch 1)."""

LAST_TRAIN_ACCURACY: Final = {"cnn1": 0.959, "cnn2": 0.661}
LAST_VALID_LOSS: Final = {"cnn1": 3.9445, "cnn2": 1.9852}
EPOCHS_RUN: Final = {"cnn1": 10, "cnn2": 4}
KEPT_EPOCH: Final = {"cnn1": 10, "cnn2": 1}
