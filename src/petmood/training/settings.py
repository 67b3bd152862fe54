"""How a network is trained and what came of it: the records that go into and come out of the training loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

from petmood.errors import ConfigError
from petmood.results import Epochs

Device = Literal["auto", "cpu", "cuda", "mps", "xla"]
Precision = Literal["float32", "bfloat16", "auto"]


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train a network. The defaults are those of the study's CNN 1.

    Attributes:
        epochs: passes through the training images.
        batch_size: images in a step.
        learning_rate: of Adam.
        patience: stop after so many epochs without a lower validation loss and keep the weights of the best epoch;
            None trains all epochs and keeps the last weights.
        seed: of initial weights, order of images and dropout.
        device: where to train; "auto" takes a GPU or TPU (CUDA, then XLA, then Apple's) if there is one.
        size: side in pixels of the network's square input.
        precision: of the products of layers in training steps: "float32", as the study; "bfloat16", about twice as
            fast on a processor that multiplies it, with weights, sums and optimiser in float32; "auto" takes bfloat16
            on such a processor. Evaluation and prediction are always in float32.
        threads: of a processor; 0 for one a core. Sums of other numbers of threads are rounded otherwise, so that one
            thread gives the same network on machines of any number of cores.

    Raises:
        ConfigError: a value out of range.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    patience: int | None = None
    seed: int = 42
    device: Device = "auto"
    size: int = 224
    precision: Precision = "float32"
    threads: int = 0

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        _require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        _require(0 < self.learning_rate < float("inf"), "learning_rate", self.learning_rate, "above 0 and finite")
        _require(self.patience is None or self.patience >= 1, "patience", self.patience, "at least 1, or none")
        _require(0 <= self.seed < 2**31, "seed", self.seed, "from 0 to 2147483647")
        _require(self.size >= 1, "size", self.size, "at least 1")
        _require(self.threads >= 0, "threads", self.threads, "at least 0")
        _require(self.device in get_args(Device), "device", self.device, f"one of {', '.join(get_args(Device))}")
        _require(
            self.precision in get_args(Precision),
            "precision",
            self.precision,
            f"one of {', '.join(get_args(Precision))}",
        )

    @property
    def causes(self) -> dict[str, object]:
        """What decides how a training goes, for keys and digests: where it runs decides nothing beyond rounding."""
        chosen = asdict(self) | {"device": "auto"}
        if self.precision == "float32":
            # what was trained before there was a choice stays known
            del chosen["precision"]
        if not self.threads:
            del chosen["threads"]
        return chosen


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How EfficientNet-Lite0 is fine-tuned: its upper half, or with `whole` all of it.

    Attributes:
        epochs: passes through the training images, a random view of each in each.
        batch_size: images in a step.
        rate: peak learning rate of the new classifier; a block's is less by `decay` for each block below the top.
        decay: factor between the rates of neighbouring blocks (discriminative learning rates).
        weight_decay: of AdamW.
        smoothing: of labels.
        mixup: parameter of the Beta distribution by which two images' activations are mixed; 0 mixes none.
        cutmix: share of the steps in which a rectangle of the other image is pasted in, instead of mixing the two.
        dropout: before the classifier.
        average: decay of the exponential moving average of weights, which is what is kept.
        thaw: share of the epochs over which the network is unfrozen from the top down; 0 trains all of it at once.
        patience: stop after so many epochs without a lower loss on photos held out by family, and keep the weights of
            the best epoch; None holds nothing out and trains all epochs.
        held: one in so many families is held out.
        whole: train the whole network on pixels, instead of the upper half on activations of the lower.
        device: where to train: "auto", "cpu", "cuda" or "mps".
        seed: of order, views, mixing and the classifier's first weights.
    """

    epochs: int = 8
    batch_size: int = 32
    rate: float = 1e-3
    decay: float = 0.75
    weight_decay: float = 0.02
    smoothing: float = 0.1
    mixup: float = 0.2
    dropout: float = 0.2
    average: float = 0.99
    thaw: float = 0.0
    patience: int | None = None
    held: int = 5
    cutmix: float = 0.0
    whole: bool = False
    device: str = "cpu"
    seed: int = 42

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ConfigError(f"epochs must be 1 or more and batches 2 or more, got {self.epochs}, {self.batch_size}.")


FINE_TUNING: Final = {"epochs": 5, "rate": 6e-4, "thaw": 0.5, "patience": 3, "cutmix": 0.3}
"""Settings under which fine-tuning on some hundreds of photos is judged and saved."""


@dataclass(frozen=True, slots=True)
class EpochLog:
    """What one epoch gave, for showing progress.

    Attributes:
        epoch: its number, from 1, of `epochs`.
        loss, accuracy: over the training images, each as seen at its step, dropout on (as Keras reports).
        val_loss, val_accuracy: over the validation images after the epoch; None without any.
        learning_rate: used in this epoch.
        seconds: wall-clock time of the epoch, validation and checkpoint included.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """What a training came to.

    Attributes:
        history: the curves, one value for each epoch run; no validation values without validation images.
        epochs_run: number of epochs run, those before a resume included.
        stopped_early: whether `patience` ended it before `epochs`.
        best_epoch: the epoch of the lowest validation loss, from 1; None without validation images.
        kept_epoch: the epoch whose weights the network has now: the best with `patience`, else the last.
        resumed_from: epochs that were taken from a checkpoint instead of being run; 0 if none.
        device: where it ran: "cpu", "cuda", "mps" or "xla".
        precision: of the products of its steps: "float32" or "bfloat16".
    """

    history: Epochs
    epochs_run: int
    stopped_early: bool
    best_epoch: int | None
    kept_epoch: int
    resumed_from: int
    device: str
    precision: str = "float32"


OnEpoch = Callable[[EpochLog], None]
"""Called after each epoch and its checkpoint."""


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise ConfigError(f"setting '{name}' must be {wanted}, got {value!r}.")
