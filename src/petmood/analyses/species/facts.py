"""Species beside mood: how they go together, and what is left of mood when species is taken out."""

from __future__ import annotations

from petmood.results.base import Fact, Interval, Marked
from petmood.results.comparison import PairedFacts


class Association(Marked):
    """How strongly two attributes of n photos go together: bias-corrected Cramer's V and NMI, both in [0, 1]."""

    n: int
    cramers_v: float
    cramers_v_ci: Interval
    nmi: float
    nmi_ci: Interval


class SpeciesClusters(Marked):
    """K-means with k centres, fitted on train's photos and applied to all n: NMI with species and with mood.

    All are means over `repeats` clusterings with different seeds.

    `erased` is how species was taken out of the features first ("none", "centre", "standardise", "leace").
    `mood_change` is `nmi_mood` minus that of the same k without erasing, with its paired interval; 0 for "none".
    """

    erased: str
    k: int
    repeats: int
    n: int
    nmi_species: float
    nmi_species_ci: Interval
    nmi_mood: float
    nmi_mood_ci: Interval
    mood_change: float
    mood_change_ci: Interval


class SpeciesFacts(Fact):
    """What species has to do with mood, counted by photo; `told_by` is "head", or "file" (of the user, or the data).

    `table[species][class]` counts photos. `within` compares, inside each species with enough photos, a model on the
    features with the answer that is commonest for that species in training. `over_species` compares it with a model
    that knows the species alone; `erased` compares the model without species in its features with the one with.
    """

    backbone: str
    told_by: str
    n: int
    protocol: str
    ci_method: str
    table: dict[str, dict[str, int]]
    association: Association
    clusters: tuple[SpeciesClusters, ...]
    within: tuple[PairedFacts, ...]
    over_species: PairedFacts
    erased: tuple[PairedFacts, ...]
