"""Values by family -> every interval, test and correction of petmood: one of each, used by every figure.

Families, never files, are drawn: what stands of one photo in several files or repeats stays together. Decision 0013
says which procedure is used where, and why.
"""

from petmood.evaluation.statistics.comparisons import (
    LEVEL,
    PairedTest,
    Selected,
    alike,
    best_of_many,
    compare_all,
    compare_pair,
    decide,
    holm,
    mcnemar,
    paired_facts,
    tell_apart,
)
from petmood.evaluation.statistics.intervals import (
    BOOTSTRAP,
    CONFIDENCE,
    SHIFTED,
    Agreement,
    Reliability,
    Values,
    agreement,
    draw_counts,
    family_totals,
    mean_interval,
    newcombe_interval,
    percentile_interval,
    reliability,
    shifted_interval,
    table_interval,
    wilson_interval,
)
