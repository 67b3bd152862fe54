from __future__ import annotations

import json

import pytest

from petmood.cli import main


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: str) -> str:
    monkeypatch.setattr("sys.argv", ["petmood", "models", *args])
    monkeypatch.setenv("COLUMNS", "160")
    with pytest.raises(SystemExit) as stop:
        main.run()
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_the_study_s_parameter_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = json.loads(run(monkeypatch, capsys, "--json"))
    assert (first["params"], first["trainable_params"], first["non_trainable_params"]) == (11169476, 11169476, 0)
    assert (second["params"], second["trainable_params"], second["non_trainable_params"]) == (29458340, 29457636, 704)
    for network in (first, second):
        assert sum(layer["params"] for layer in network["layers"]) == network["params"]
        assert network["input_shape"] == [224, 224, 3]
    # the study's own table, layer by layer
    assert [(x["kind"], x["output_shape"], x["params"]) for x in first["layers"]] == [
        ("Conv2D", [222, 222, 32], 896),
        ("MaxPooling2D", [111, 111, 32], 0),
        ("Conv2D", [109, 109, 64], 18496),
        ("MaxPooling2D", [54, 54, 64], 0),
        ("Conv2D", [52, 52, 128], 73856),
        ("MaxPooling2D", [26, 26, 128], 0),
        ("Flatten", [86528], 0),
        ("Dense", [128], 11075712),
        ("Dropout", [128], 0),
        ("Dense", [4], 516),
    ]


def test_the_tables_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(monkeypatch, capsys, "--size", "64", "--classes", "3")
    assert "Total params: 683,587" in shown
    assert "(None, 62, 62, 32)" in shown
    assert run(monkeypatch, capsys).count("Non-trainable params: ") == 2
