from __future__ import annotations

import json

import pandas as pd
import pytest
import xarray as xr

from cximpact.core.errors import ConvergenceError
from cximpact.study import Study
from cximpact.study.artifacts import slug
from cximpact.study.narrative import bridge_section
from cximpact.study.stages import Run


@pytest.fixture
def done(folder):
    out = folder / "out"
    return Study.from_toml(folder / "study.toml").run(out), out


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.SmallSampleWarning")
class TestRun:
    def test_every_artifact_is_there(self, done):
        _, out = done
        names = {p.name for p in out.iterdir()}
        assert names == {"report.html", "results.nc", "tables", "summary.json", "provenance.json"}
        assert (out / "tables" / "effects_stay.csv").is_file()

    def test_summary_has_interval_unit_and_estimand_of_every_number(self, done):
        result, out = done
        summary = json.loads((out / "summary.json").read_text())
        assert summary["schema"] == "cximpact.summary/1"
        assert summary["complete"] is True
        for row in summary["numbers"]:
            assert {"path", "term", "estimate", "conf_low", "unit", "estimand"} <= row.keys()
        effect = next(r for r in summary["numbers"] if r["path"] == "effects.stay")
        assert effect["unit"] == "pp"
        assert effect["estimate"] == result["effects.stay"].tidy()["estimate"].iloc[0]

    def test_money_comes_with_its_probability(self, done):
        result, _ = done
        first = next(r for r in result.summary["numbers"] if r["path"] == "roi")
        assert first["probability"]["value"] == result["roi"].probability_of_profit()

    def test_draws_are_stored_under_their_path(self, done):
        result, out = done
        with xr.open_datatree(out / "results.nc", engine="h5netcdf") as tree:
            stored = tree["effects/stay"]["draws"].load()
        assert stored.dims == ("sample",)
        assert (stored.values == result["effects.stay"].draws.values).all()

    def test_report_begins_with_the_question_and_escapes_names(self, done):
        _, out = done
        page = (out / "report.html").read_text()
        assert "Stores &lt;b&gt;&amp;&lt;/b&gt; money" in page
        assert "Did it work?" in page
        assert "http-equiv" in page
        assert page.count("<script>") == 1 and "<b>" not in page  # the what-if panel alone

    def test_an_association_says_that_it_is_no_effect(self, done):
        result, _ = done
        assert "association, not an effect" in result.answer

    def test_rows_left_out_are_in_the_notes(self, done):
        result, out = done
        assert any("rows are used" in note for note in result.notes)
        assert "rows are used" in (out / "report.html").read_text()

    def test_same_seed_same_files(self, folder):
        study = Study.from_toml(folder / "study.toml")
        for name in ("one", "two"):
            study.run(folder / name)
        for name in ("summary.json", "provenance.json"):
            assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()

    def test_another_seed_moves_the_draws_and_not_the_estimate(self, folder):
        study = Study.from_toml(folder / "study.toml")
        one, two = study.run(seed=1), study.run(seed=2)
        effects = [r["effects.stay"] for r in (one, two)]
        assert effects[0].tidy().equals(effects[1].tidy())
        assert (effects[0].draws.values != effects[1].draws.values).any()

    @pytest.mark.parametrize(
        "estimator", ["GroupTime", "ImputationDiD", "NonlinearDiD", "SunAbraham"]
    )
    def test_every_estimator_with_one_effect_reaches_the_money(self, folder, estimator):
        path = folder / "study.toml"
        changed = path.read_text().replace('inference = "cluster"', f'estimator = "{estimator}"')
        path.write_text(changed)
        result = Study.from_toml(path).run()
        effect = result["effects.stay"]
        assert effect.provenance.method == estimator
        assert effect.draws.dims == ("sample",)
        assert result["roi"].summary().shape[0] > 0

    def test_initiatives_may_overlap_and_stop(self, folder):
        path = folder / "study.toml"
        second = (
            '\n[[roi.initiatives]]\nname = "Calls"\nn = 1000\n'
            'assumed = { p10 = 0.01, p90 = 0.05 }\nassumption = "workshop"\n'
            'value = "stay"\nmechanism = "one_time"\nstops = 1\n'
        )
        overlap = '\n[[roi.overlaps]]\ninitiatives = ["Fix", "Calls"]\n'
        path.write_text(path.read_text() + second)
        apart = Study.from_toml(path).run()["roi"]
        path.write_text(path.read_text() + overlap)
        result = Study.from_toml(path).run(out=folder / "out")
        joint = result["roi"]
        assert joint.overlaps[0].names == ("Fix", "Calls")
        assert float(joint.pv_benefit().mean()) < float(apart.pv_benefit().mean())
        assert "combine by the rule" in joint.explain()
        page = (folder / "out" / "report.html").read_text()
        assert "<script>" not in page  # what one does depends on the other: no sliders

    def test_a_failed_gate_keeps_what_was_done(self, folder, monkeypatch):
        def fail(*_):
            raise ConvergenceError("R-hat 1.5 is not below 1.01")

        monkeypatch.setattr(Run, "price", fail)
        out = folder / "out"
        with pytest.raises(ConvergenceError):
            Study.from_toml(folder / "study.toml").run(out)
        summary = json.loads((out / "summary.json").read_text())
        assert summary["complete"] is False
        assert "R-hat" in summary["failure"]
        assert any(r["path"] == "effects.stay" for r in summary["numbers"])
        assert "stopped early" in (out / "report.html").read_text()

    def test_the_bridge_hands_on_shares_as_fractions(self, done):
        result, _ = done
        table = bridge_section(result.run, result["roi"]).table
        row = table[table["label"] == "Fix: effect"].iloc[0]
        assert row["unit"] == "pp"
        assert row["value"] == result["effects.stay"].tidy()["estimate"].iloc[0]

    def test_inputs_stay_as_they_are(self, folder):
        before = (folder / "people.csv").read_bytes()
        Study.from_toml(folder / "study.toml").run(folder / "out")
        assert (folder / "people.csv").read_bytes() == before

    def test_small_groups_do_not_reach_the_tables(self, folder):
        frame = pd.read_csv(folder / "people.csv")
        frame.loc[:2, "age"] = 99
        frame.to_csv(folder / "people.csv", index=False)
        text = (folder / "study.toml").read_text()
        (folder / "study.toml").write_text(text.replace("[0, 40, 100]", "[0, 95, 100]"))
        Study.from_toml(folder / "study.toml").run(folder / "out")
        table = pd.read_csv(folder / "out" / "tables" / "scores_nps_by_band.csv")
        assert table["estimate"].isna().any()


def test_check_loads_the_tables(folder):
    (line,) = Study.from_toml(folder / "study.toml").check()
    assert line.startswith("table people: ")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "", "x" * 300])
def test_names_cannot_leave_the_folder(name):
    made = slug(name)
    assert 0 < len(made) <= 80
    assert not set(made) & set("/\\.")
