# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The reference study, replicated
#
# In 2023 a student asked whether pictures of pets' faces tell their mood. The study clustered features of two
# pretrained networks with k-means, trained two convolutional networks, and found little. This notebook repeats it with
# petmood, on the demo set of drawn faces, so that it runs anywhere in a minute. On the real pictures the same calls
# give the figures of [the replicated study](../study-replicated.md).
#
# Made from `study.py` beside it by `make tutorial`.

# %%
import tempfile
from pathlib import Path

from IPython.display import SVG, display

from petmood.config import StudySettings
from petmood.demo import write_demo
from petmood.study import study

work = Path(tempfile.mkdtemp())
truth = write_demo(work / "demo", seed=0)

# %% [markdown]
# ## Everything in one call
#
# The study's own settings are the defaults: MobileNet and ResNet50, features laid end to end, images of 224 pixels,
# ten epochs. Here a smaller network stands in, features are averaged, and the networks see 32 pixels for one epoch:
# enough to show each step, too little to judge the networks by.

# %%
settings = StudySettings(
    backbones=("efficientnet-lite0",), pooling="avg", cnn_size=32, cnn_epochs=1, seeds=2, preprocess="both"
)
outcome = study(work / "demo" / "data", work / "run", settings)
results = outcome.results
replicated = results.study

# %% [markdown]
# ## 1.3 The data
#
# The study counts files. petmood also counts photos, since copies of a photo say nothing new.

# %%
for name, split in results.dataset.splits.items():
    counts = ", ".join(f"{c} {n.images} files of {n.photos} photos" for c, n in split.by_class.items())
    print(f"{name}: {counts}")

# %%
from petmood.report import study_text

for line in study_text.eda_conclusions(results, replicated):
    print("-", line)

# %% [markdown]
# ## 1.4 and 1.5.1 K-means, fed wrongly and rightly
#
# The study fed its networks pixels between 0 and 1, which neither was trained on. petmood runs both ways.

# %%
for clusters in results.clusters:
    train = clusters.splits["train"]
    print(f"{clusters.name}:")
    print(f"  sizes {train.sizes}, purity {train.purity:.3f}, NMI with mood {train.nmi:.3f} (n = {train.n})")
for line in study_text.slip_sentences(results):
    print(line)

# %% [markdown]
# Each cluster by mood, in the study's colours:

# %%
from petmood.report import plots

clusters = results.clusters[-1]
for number, composition in enumerate(clusters.splits["train"].composition, start=1):
    print(f"cluster {number}: {composition}")
    display(SVG(plots.cluster_pie(f"pie{number}", composition, results.dataset.classes, f"Cluster {number}")))

# %% [markdown]
# The study held that clustering cannot be tuned without labels. It can: these criteria need none.

# %%
for line in study_text.tuning_sentences(replicated):
    print(line)

# %% [markdown]
# ## 1.5.2 The two networks
#
# Layer by layer as the study prints them; at its 224 pixels they have its numbers of parameters.

# %%
from petmood.training.networks import list_networks

for network in list_networks(n_classes=4, size=224):
    print(f"{network.title}: {network.params:,} parameters, {network.trainable_params:,} trainable")
for layer in list_networks()[0].layers:
    print(f"  {layer.name:18} {layer.output_shape!s:18} {layer.params:>12,}")

# %% [markdown]
# ## 1.6 Results on test
#
# With an interval each, which the study lacks: on so few photos, one training more or less is luck.

# %%
for model in results.models:
    low, high = model.accuracy_ci
    print(f"{model.title}: {model.correct} of {model.n} ({model.accuracy:.1%}, 95 % interval {low:.1%} to {high:.1%})")

# %%
display(SVG(plots.confusion("confusion", results.models[-1], "Confusion matrix")))

# %% [markdown]
# ## 1.7 Discussion
#
# Every sentence follows from the numbers above.

# %%
for line in study_text.discussion(results, replicated):
    print("-", line)

# %% [markdown]
# ## Side by side
#
# Each figure that the study printed has a row. On drawn faces only those that do not depend on data can be compared.

# %%
for row in replicated.comparison:
    if row.verdict != "not compared":
        theirs, ours = study_text.theirs(row), study_text.ours(row)
        print(f"{row.section}, {row.figure}: {theirs} in the study, {ours} here: {row.verdict}")
