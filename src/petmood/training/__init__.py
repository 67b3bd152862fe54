"""Images or features with their classes -> classifiers: `fit`, `predict_proba`, `classes_`."""

import os

# OpenMP's threads spin while they wait. On a machine with other work the spinning takes the time of the thread waited
# for: with two cores and two busy processes beside it, a training step takes 3 to 8 times as long; on a quiet machine
# sleeping costs 5 %. OpenMP reads this when torch loads it, so it must be set before; a user's own choice stands.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
