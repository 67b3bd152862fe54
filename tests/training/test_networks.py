from __future__ import annotations

import subprocess
import sys

import pytest

from petmood.errors import ConfigError
from petmood.training.networks import count_parameters, describe, make_network, study_cnn, study_cnn2

# The study's own tables, row by row: layer type, output shape without the batch, parameters.
STUDY_CNN1 = [
    ("Conv2D", (222, 222, 32), 896),
    ("MaxPooling2D", (111, 111, 32), 0),
    ("Conv2D", (109, 109, 64), 18496),
    ("MaxPooling2D", (54, 54, 64), 0),
    ("Conv2D", (52, 52, 128), 73856),
    ("MaxPooling2D", (26, 26, 128), 0),
    ("Flatten", (86528,), 0),
    ("Dense", (128,), 11075712),
    ("Dropout", (128,), 0),
    ("Dense", (4,), 516),
]
STUDY_CNN2 = [
    ("Conv2D", (222, 222, 32), 896),
    ("PReLU", (222, 222, 32), 1577088),
    ("BatchNormalization", (222, 222, 32), 128),
    ("Conv2D", (220, 220, 32), 9248),
    ("PReLU", (220, 220, 32), 1548800),
    ("BatchNormalization", (220, 220, 32), 128),
    ("Conv2D", (218, 218, 64), 18496),
    ("PReLU", (218, 218, 64), 3041536),
    ("BatchNormalization", (218, 218, 64), 256),
    ("MaxPooling2D", (109, 109, 64), 0),
    ("Conv2D", (107, 107, 32), 18464),
    ("PReLU", (107, 107, 32), 366368),
    ("BatchNormalization", (107, 107, 32), 128),
    ("Conv2D", (105, 105, 64), 18496),
    ("PReLU", (105, 105, 64), 705600),
    ("BatchNormalization", (105, 105, 64), 256),
    ("MaxPooling2D", (52, 52, 64), 0),
    ("Flatten", (173056,), 0),
    ("Dense", (128,), 22151296),
    ("PReLU", (128,), 128),
    ("BatchNormalization", (128,), 512),
    ("Dropout", (128,), 0),
    ("Dense", (4,), 516),
]


@pytest.mark.parametrize(
    ("network", "table", "total", "trainable"),
    [(study_cnn(), STUDY_CNN1, 11_169_476, 11_169_476), (study_cnn2(), STUDY_CNN2, 29_458_340, 29_457_636)],
    ids=["cnn1", "cnn2"],
)
def test_layer_table_is_the_studys(network, table, total, trainable):
    rows = describe(network)
    assert [(row.kind, row.output_shape, row.params) for row in rows] == table
    assert count_parameters(network) == (total, trainable)


def test_only_moving_statistics_are_not_trained():
    fixed = {row.name: row.params - row.trainable_params for row in describe(study_cnn2())}
    assert {name for name, count in fixed.items() if count} == {f"batch_normalization_{i}" for i in range(1, 7)}
    assert sum(fixed.values()) == 704


def test_names_count_up_within_a_kind():
    names = [row.name for row in describe(study_cnn())]
    assert names[:3] == ["conv2d_1", "max_pooling2d_1", "conv2d_2"]
    assert names[-1] == "dense_2"
    assert len(set(names)) == len(names)


def test_n_counts_as_the_studys_loop_does():
    convolutions = {n: sum(row.kind == "Conv2D" for row in describe(study_cnn2(n=n, size=64))) for n in (1, 2, 3)}
    assert convolutions == {1: 1, 2: 3, 3: 5}


@pytest.mark.parametrize("classes", [2, 7])
def test_outputs_follow_the_classes(classes):
    for name in ("cnn1", "cnn2"):
        assert describe(make_network(name, classes, 48))[-1].output_shape == (classes,)


def test_smallest_size_and_one_less():
    assert describe(study_cnn(size=22))[5].output_shape == (1, 1, 128)
    with pytest.raises(ConfigError, match=r"21x21 pixels are too small for CNN 1.*'max_pooling2d_3'.*larger"):
        study_cnn(size=21)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: study_cnn(n_classes=1), "at least 2 classes, got 1"),
        (lambda: study_cnn2(n=0), "n of at least 1, got 0"),
        (lambda: make_network("cnn3"), "unknown network 'cnn3'. Choose one of: cnn1, cnn2"),
    ],
)
def test_impossible_networks_are_named(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_descriptions_need_no_torch_and_the_contract_no_sklearn():
    code = (
        "import sys; from petmood import contract; assert 'sklearn' not in sys.modules; "
        "from petmood.training import cnn, networks, settings; assert 'torch' not in sys.modules; "
        "print(networks.count_parameters(networks.study_cnn2())[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("29458340\n", "")
