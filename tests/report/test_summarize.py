"""Sentences follow the numbers: other numbers, other sentences."""

from __future__ import annotations

import pytest

from petmood.report import captions, facts, sentences
from petmood.report.summarize import Summary, summarize
from petmood.results import ClassCount, Epochs, Results

from .sample_results import (
    CURVES,
    GROUPED,
    LOGISTIC,
    LOGISTIC_TEST,
    MAJORITY,
    MAJORITY_TEST,
    OFFICIAL,
    cluster_split,
    clusters,
    dataset,
    model,
    results,
)


def texts(summary: Summary, topic: str) -> str:
    return " ".join(text for f in summary.findings if f.topic == topic for text in f.texts).replace("\u202f", " ")


def with_model(confusion: tuple[tuple[int, ...], ...]) -> Results:
    return results().model_copy(
        update={"models": (model("m", "M", confusion),), "baselines": (model("majority", "Majority", MAJORITY),)}
    )


def test_headlines_are_the_figures_of_the_results() -> None:
    found = {
        h.label: (h.value.replace("\u202f", " "), h.detail.replace("\u202f", " "))
        for h in summarize(results()).headlines
    }
    assert found == {
        "distinct photos": ("370", "in 1,074 files; 704 files are edited copies"),
        "best accuracy": ("46.2 %", "41.2–51.3 %, n = 370; Logistic regression on EfficientNet-Lite0"),
        "majority class": ("30.3 %", "always answering “happy”, n = 370"),
        "cluster NMI": ("0.09", "from 0 to 1: clusters say almost nothing about mood, n = 1,000"),
    }


def test_the_lead_states_accuracy_interval_sample_size_and_what_must_be_beaten() -> None:
    lead = summarize(results()).lead.replace("\u202f", " ")
    assert "370 photos" in lead
    assert "46.2 % (95 % interval 41.2–51.3 %)" in lead
    assert "Always answering “happy” is right in 30.3 %" in lead


@pytest.mark.parametrize(
    ("right", "title"),
    [
        (3, "Worse than always giving the same answer"),
        (50, "Not shown to beat always giving the same answer"),
        (120, "Better than guessing, but wrong more often than right"),
        (150, "Better than guessing, and wrong about as often as right"),
        (200, "Right more often than wrong"),
        (240, "Right most of the time"),
        (299, "Right almost every time"),
    ],
)
def test_the_title_follows_the_interval_of_the_best_model(right: int, title: str) -> None:
    # 300 photos in six classes of 50: one constant answer is right for a sixth.
    hits = [right // 6 + (i < right % 6) for i in range(6)]
    confusion = [[hits[i] if i == j else (50 - hits[i]) if j == (i + 1) % 6 else 0 for j in range(6)] for i in range(6)]
    tested = model("m", "M", confusion, classes=tuple("abcdef"))
    changed = results().model_copy(update={"models": (tested,), "baselines": ()})
    assert summarize(changed).title == title


def test_the_lead_says_of_how_many_models_the_best_was_chosen() -> None:
    second = model("other", "Another model", MAJORITY)
    both = results().model_copy(update={"models": (*results().models, second)})
    assert "the best of 2 models" in summarize(both).lead
    assert "the best of" not in summarize(results()).lead


def test_the_data_sentence_tells_files_from_photos() -> None:
    assert sentences.data_sentence(dataset()).startswith("1,074 files are 370 photos: 704 are edited copies.")
    plain = dataset().model_copy(update={"photos": 1074, "derived": 0})
    assert (
        sentences.data_sentence(plain)
        == "1,074 files, each a photo of its own: no edited copy and no duplicate was found."
    )
    orphans = dataset().model_copy(update={"derived": 710})
    assert sentences.data_sentence(orphans).startswith("1,074 files come from 370 photos; 710 are edited copies.")


def test_balance_is_mentioned_only_where_copies_feign_it() -> None:
    said = sentences.balance_sentence(dataset())
    assert said is not None
    assert "(250 each)" in said
    assert "from 47 for “Other” to 90 for “happy”" in said
    train = dataset().splits["train"]
    even = train.model_copy(update={"by_class": {c: ClassCount(images=250, photos=80) for c in train.by_class}})
    uneven = train.model_copy(
        update={"by_class": {"a": ClassCount(images=9, photos=9), "b": ClassCount(images=90, photos=90)}}
    )
    for other in (even, uneven):
        assert sentences.balance_sentence(dataset().model_copy(update={"splits": {"train": other}})) is None
    assert sentences.balance_sentence(dataset().model_copy(update={"splits": {}})) is None


def test_accuracy_is_said_to_beat_the_majority_class_only_if_it_differs() -> None:
    found = texts(summarize(results()), "Accuracy")
    assert (
        "Grouped 5-fold: Logistic regression on EfficientNet-Lite0 is right for 46.2 % of 370 photos (41.2–51.3 %)."
        in found
    )
    assert "It is better than the majority class, 30.3 %." in found
    weak = ((30, 40, 30, 12), (30, 45, 18, 12), (30, 30, 24, 10), (20, 18, 12, 9))
    found = texts(summarize(with_model(weak)), "Accuracy")
    assert "it cannot be told apart from the majority class" in found
    assert "It is better" not in found
    hopeless = ((2, 60, 40, 10), (90, 3, 8, 4), (60, 20, 4, 10), (40, 10, 8, 1))
    assert "It is worse than the majority class" in texts(summarize(with_model(hopeless)), "Accuracy")


def test_models_whose_intervals_overlap_are_not_ranked() -> None:
    found = texts(summarize(results()), "Comparison")
    assert (
        "Official test: Logistic regression on EfficientNet-Lite0 (52.6 %, 37.3–67.5 %) and Baseline CNN of the study "
        "(36.8 %, 23.4–52.7 %) cannot be told apart at this sample size (n = 38)."
    ) in found
    assert "and the strongest baseline, Species only (43.2 %, 38.3–48.3 %), cannot be told apart" in found


def test_models_whose_intervals_are_apart_are_ranked() -> None:
    poor = model("poor", "Poor model", ((30, 40, 30, 12), (40, 25, 28, 12), (40, 30, 14, 10), (20, 18, 12, 9)))
    behind = results().model_copy(update={"models": (model("m", "M", LOGISTIC), poor)})
    assert "M (46.2 %, 41.2–51.3 %) is ahead of Poor model (21.1 %, 17.2–25.5 %)" in texts(
        summarize(behind), "Comparison"
    )
    rival = model("species", "Species only", ((110, 1, 1, 0), (5, 95, 5, 0), (4, 5, 80, 5), (4, 5, 10, 40)))
    beaten = with_model(LOGISTIC).model_copy(update={"baselines": (rival,)})
    assert "M (46.2 %, 41.2–51.3 %) is behind the strongest baseline, Species only" in texts(
        summarize(beaten), "Comparison"
    )
    assert texts(summarize(with_model(LOGISTIC)), "Comparison") == ""


def test_moods_are_compared_by_recall_with_counts_and_intervals() -> None:
    found = texts(summarize(results()), "Moods")
    assert "recognises “happy” best, 70 of 112 photos, 62.5 % (53.3–70.9 %)" in found
    assert "and “Other” worst, 9 of 59 photos, 15.3 % (8.2–26.5 %)" in found
    assert "It confuses “Sad” and “happy” most: 48 of its 199 mistakes" in found
    assert "(27 “Sad” read as “happy”, 21 the other way)" in found


def test_equal_recalls_have_no_best_and_worst() -> None:
    tied = model("m", "M", ((6, 4), (4, 6)), classes=("a", "b"))
    assert not [text for text in sentences.class_sentences(tied) if "best" in text]
    assert list(sentences.class_sentences(model("m", "M", ((5, 0), (0, 5)), classes=("a", "b")))) == []


@pytest.mark.parametrize(
    ("nmi", "words"),
    [(0.0, "almost nothing"), (0.09, "almost nothing"), (0.2, "little"), (0.5, "something"), (1.0, "a great deal")],
)
def test_nmi_is_put_in_words(nmi: float, words: str) -> None:
    split = cluster_split(((5, 1), (1, 5)), classes=("a", "b"), nmi=nmi)
    said = sentences.nmi_sentence(clusters().model_copy(update={"splits": {"test": split}}), "test", dataset())
    assert f"say {words} about mood: NMI {nmi:.2f}" in said
    assert "over the 12 files of 38 photos of test" in said


def test_the_purest_cluster_is_given_with_its_size_and_the_share_to_compare_with() -> None:
    found = texts(summarize(results()), "Clusters")
    assert "number 1, is 54 % “happy” and holds 281 of 1,000 files (28 %)" in found
    assert "among all files of train this class makes up 25 %" in found


def test_training_says_memorising_only_where_curves_show_it() -> None:
    found = texts(summarize(results()), "Training")
    assert "Baseline CNN of the study: after 10 epochs it gets 98.0 % of its training images right" in found
    assert "36.0 % of the validation images (22.4–52.3 %, n = 36), a gap of +62.0 points (" in found
    assert "it memorises pictures rather than learning moods" in found
    assert "lowest at epoch 3 of 10" in found
    sound = Epochs(
        loss=(1, 0.9), accuracy=(0.4, 0.5), val_loss=(1, 0.9), val_accuracy=(0.4, 0.5), n_val=36, n_train=296
    )
    said = list(sentences.curve_sentences(sound))
    assert len(said) == 1
    assert said[0].endswith("memorising is not shown.")
    assert list(sentences.curve_sentences(None)) == []
    unknown = " ".join(sentences.curve_sentences(CURVES.model_copy(update={"n_val": None})))
    assert "36.0" in unknown
    assert "memoris" not in unknown


def test_files_left_out_are_counted_or_said_to_be_none() -> None:
    assert captions.left_out(dataset()).startswith("1,078 files found: 1,074 accepted, 2 rejected")
    clean = dataset().model_copy(update={"rejected": (), "ignored": (), "found": 1074})
    assert captions.left_out(clean) == "No file was left out: all 1,074 files found were accepted."


def test_without_models_and_clusters_only_the_data_is_spoken_of() -> None:
    bare = summarize(results().model_copy(update={"models": (), "baselines": (), "clusters": ()}))
    assert [f.topic for f in bare.findings] == ["The data"]
    assert [h.label for h in bare.headlines] == ["distinct photos"]
    assert bare.gauge is None
    assert bare.title == "The data, before any model"


def test_the_forest_caption_counts_the_models_that_beat_the_majority_class() -> None:
    grouped, official = facts.protocols(results())
    assert captions.forest(grouped).startswith("The one model is shown to beat the majority class")
    assert captions.forest(official).startswith("1 of 2 models is shown to beat")
    both = (model("a", "A", LOGISTIC_TEST, protocol=OFFICIAL), model("b", "B", LOGISTIC_TEST, protocol=OFFICIAL))
    none = (model("a", "A", MAJORITY_TEST, protocol=OFFICIAL), model("b", "B", MAJORITY_TEST, protocol=OFFICIAL))
    for models, words in ((both, "All 2 models are shown to beat"), (none, "None of the 2 models is shown to beat")):
        (found,) = facts.protocols(results().model_copy(update={"models": models}))
        assert words in captions.forest(found)
    alone = facts.protocols(results().model_copy(update={"models": (model("m", "M", MAJORITY),)}))[0]
    assert alone.name == GROUPED
    assert "is not shown to beat" in captions.forest(alone)


def test_sizes_are_told_split_by_split() -> None:
    assert captions.sizes(dataset()) == (
        "2 different sizes in pixels. train: 636 at 224×224 and 364 at 179×179; valid: all 224×224; test: all 224×224."
    )
    one = [s for s in dataset().sizes if s.width == 224]
    assert (
        captions.sizes(dataset().model_copy(update={"sizes": tuple(one)}))
        == "All 710 images have one size: 224×224 pixels."
    )
    many = tuple(s.model_copy(update={"width": 100 + i, "height": 90 + i}) for i, s in enumerate(dataset().sizes))
    assert "train: 8 sizes from 100×90 to 107×97" in captions.sizes(dataset().model_copy(update={"sizes": many}))


def test_curve_captions_and_labels_follow_the_curves() -> None:
    assert "98.0" in captions.curves(CURVES)
    assert (
        captions.curves_label("loss", CURVES)
        == "Loss over 10 epochs: train from 1.42 to 0.11, validation from 1.38 to 2.61."
    )
