"""What a user says of fine-tuning -> its settings, and those of the network's training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from petmood.errors import ConfigError

if TYPE_CHECKING:
    from petmood.training.upper_half import FineTuneSettings


@dataclass(frozen=True)
class FinetuneSettings:
    """How `petmood train --model finetune` trains.

    Attributes:
        whole: train the whole network on pixels (meant for a GPU), not its upper half at 160 pixels.
        size: side of the input where the whole network is trained.
        views: of each image where the whole network is trained.
        epochs: at most; training stops early on photos held out by family.
        budget: seconds after which no further fold is begun; the first fold and the refit always are.
        device: "auto", "cpu", "cuda" or "mps".
        start: `backbone.onnx` of `petmood pretrain` to start from; ImageNet's weights if None.
    """

    whole: bool = False
    size: int = 224
    views: int = 12
    epochs: int = 5
    budget: float = 600.0
    device: str = "auto"
    start: Path | None = None

    @property
    def title(self) -> str:
        """What is trained, for people."""
        what = "EfficientNet-Lite0" if self.whole else "The upper half of EfficientNet-Lite0"
        start = "" if self.start is None else ", begun on outside images,"
        return f"{what}{start} fine-tuned on the photos"

    def training(self, seed: int) -> FineTuneSettings:
        """Settings of the network's training."""
        from petmood.training.upper_half import FineTuneSettings

        return FineTuneSettings(
            epochs=self.epochs,
            rate=6e-4,
            thaw=0.5,
            patience=3,
            cutmix=0.3,
            whole=self.whole,
            device=self.device,
            seed=seed,
        )


def finetune_settings(preset: str, budget: float | None, device: str, backbone: str | None) -> FinetuneSettings:
    """The settings of a preset: "quick" for a CPU, "full" for a GPU.

    Raises:
        ConfigError: a backbone that is neither EfficientNet-Lite0 nor a file of `petmood pretrain`.
    """
    start = None
    if backbone not in (None, "efficientnet-lite0"):
        kind, _, rest = str(backbone).partition(":")
        if kind != "onnx" or not rest:
            raise ConfigError(
                f"--model finetune starts from efficientnet-lite0 or onnx:FOLDER/backbone.onnx, got {backbone}."
            )
        start = Path(rest)
    made = FinetuneSettings(device=device, start=start)
    if preset == "full":
        made = replace(made, whole=True, epochs=40, budget=36_000.0)
    return made if budget is None else replace(made, budget=budget)
