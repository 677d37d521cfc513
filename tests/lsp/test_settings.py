"""Settings: sources, their order, and what is told about bad ones."""

from pathlib import Path

import pytest

from cwm_lsp.settings import (
    SETTINGS,
    Settings,
    configuration,
    from_client,
    from_environment,
    from_flags,
    from_pyproject,
    reference,
    resolve,
)


def test_without_sources_all_is_default_and_nothing_is_wrong():
    assert resolve([]).settings == Settings()
    assert resolve([]).problems == ()


def test_the_first_source_that_names_a_setting_wins(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.cwm-lsp]\nhints.max-length = 30\npredict.max_events = 5\nlenses = {enable = false}\n"
    )
    settings = resolve(
        [
            from_flags({"hints.maxLength": 10}),
            from_environment({"CWM_LSP_HINTS_MAX_LENGTH": "20", "CWM_LSP_MODEL_NAME": "a/b", "CWM_LSP_OTHER": "x"}),
            from_pyproject(tmp_path),
            from_client("the editor", {"cwm-lsp": {"predict": {"maxEvents": 7, "debounce": 100}, "model.name": "c/d"}}),
        ]
    ).settings
    assert settings.hints.max_length == 10
    assert settings.model.name == "a/b"
    assert settings.predict.max_events == 5
    assert settings.lenses.enable is False
    assert settings.predict.debounce == 100


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"hints": {"maxLenght": 3}}, ["the editor", "hints.maxLenght", "hints.maxLength"]),
        ({"hints": {"maxLength": 3}}, ["hints.maxLength", "3", "greater than or equal to 10"]),
        ({"predict": {"trigger": "never"}}, ["predict.trigger", "never", "manual"]),
        ({"hints": 3}, ["unknown setting 'hints'"]),
    ],
)
def test_what_is_bad_is_told_by_name_and_spoils_nothing(given, named):
    resolution = resolve([from_client("the editor", {**given, "diagnostics": {"severity": "hint"}})])
    assert resolution.settings == Settings.model_validate({"diagnostics": {"severity": "hint"}})
    (problem,) = resolution.problems
    assert all(part in problem for part in named)
    assert "\n" not in problem


def test_an_untrusted_workspace_does_not_choose_what_is_run(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.cwm-lsp]\nrecord.python = "./evil"\nmodel.name = "evil"\nenable = false\n'
    )
    resolution = resolve([from_pyproject(tmp_path, trusted=False)])
    assert resolution.settings == Settings(enable=False)
    assert len(resolution.problems) == 2
    assert resolve([from_pyproject(tmp_path)]).settings.record.python == "./evil"


@pytest.mark.parametrize("text", ["", "[tool", "[tool.ruff]\nline-length = 3\n", "\xff"])
def test_a_pyproject_without_our_table_says_nothing(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text, encoding="latin-1")
    assert resolve([from_pyproject(tmp_path)]) == resolve([])


@pytest.mark.parametrize("data", [None, [], "x", {"cwm-lsp": None}, {"hints": {"maxLength": None}}])
def test_an_editor_that_says_nothing_changes_nothing(data):
    assert resolve([from_client("the editor", data)]).settings == Settings()


def test_every_setting_is_described_and_its_default_is_valid():
    for setting in SETTINGS:
        assert setting.description.endswith("."), setting.name
        valid = setting.adapter.validate_python(setting.default)
        assert setting.adapter.dump_python(valid, mode="json") == setting.default


def test_the_reference_is_the_one_that_is_generated():
    path = Path(__file__).parents[2] / "docs" / "settings.md"
    assert path.read_text(encoding="utf-8") == reference(), "run `python -m cwm_lsp.settings > docs/settings.md`"


def test_the_configuration_of_vs_code_has_every_setting_with_its_bounds():
    properties = configuration()["properties"]
    assert properties.keys() == {f"cwm-lsp.{setting.name}" for setting in SETTINGS}
    length = properties["cwm-lsp.hints.maxLength"]
    assert (length["type"], length["minimum"], length["maximum"], length["default"]) == ("integer", 10, 500, 60)
    assert properties["cwm-lsp.record.python"]["type"] == ["string", "null"]
    assert "enum" in properties["cwm-lsp.predict.trigger"]
