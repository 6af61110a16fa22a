import pytest

from benchmark import registry
from benchmark.datasets.sources import fingerprint
from benchmark.errors import UserError
from runners.parse import parse_grid, parse_seeds, parse_settings, parse_size, shown, value
from runners.plan import make_plan
from runners.request import Request, read_plan_file


def plan(task="mri", method="dip", **how):
    return make_plan([Request(task=task, method=method, **{"preset": "tiny", **how})])


def keys(**how):
    return [(j.key.method, j.key.seed) for j in plan(**how).jobs]


def test_the_baseline_comes_first_and_can_be_left_out():
    assert keys() == [("zero_filled", 0), ("dip", 0)]
    assert keys(seeds="0,4", baseline=False) == [("dip", 0), ("dip", 4)]
    assert keys(method=["dip", "zero_filled", "dip"])[0] == ("zero_filled", 0)


def test_settings_reach_the_methods_that_were_named():
    assert [j.key.parameters.get("steps") for j in plan(set={"steps": 7}).jobs] == [None, 7]
    every = {j.key.method: j.key.parameters.get("steps") for j in plan(method="all", set={"steps": 7}).jobs}
    assert every["zero_filled"] is None
    assert every["cg_sense"] == 7


def test_a_parameter_that_no_method_takes_is_refused():
    with pytest.raises(UserError, match="unknown parameter 'stepz'"):
        plan(method="all", set={"stepz": 7})


def test_keys_do_not_depend_on_the_order_of_names():
    one, two = plan(method=["dip", "cg_sense"]), plan(method=["cg_sense", "dip"])
    assert {j.key.digest for j in one.jobs} == {j.key.digest for j in two.jobs}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*dip", {"dip", "self_guided_dip", "reference_guided_dip"}),
        ("kind:classical", {"cg_sense", "l1_wavelet", "tv"}),
        ("kind:baseline", {"zero_filled"}),
        ("kind:Untrained*", {"dip", "self_guided_dip", "reference_guided_dip"}),
        ("paper:2402.04097", {"self_guided_dip", "reference_guided_dip"}),
        ("paper:arXiv:1711.10925", {"dip"}),
        ("needs:references", {"reference_guided_dip"}),
    ],
)
def test_groups_of_methods(text, expected):
    assert {j.key.method for j in plan(method=text, baseline=False).jobs} == expected


def test_groups_of_tasks():
    for text in ("m?i", "poses:LinearInverse", "data:colin27", "paper:2402.04097", "all"):
        assert "mri" in {j.key.task for j in plan(task=text, method="zero_filled").jobs}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"method": "x*"}, r"no method matches 'x\*'; known: alternating_ls"),
        ({"method": "kind:clasical"}, "no method has kind:clasical; there are kind:Riemannian, kind:baseline"),
        (
            {"method": "cg_sens"},
            r"unknown method 'cg_sens'; did you mean cg_sense.*\? \(one in a file of yours needs --include FILE\)",
        ),
        ({"task": "mry"}, r"unknown task 'mry'; did you mean mri\? \(one in a file of yours needs --include FILE\)"),
        ({"method": "papr:1"}, "unknown tag of a method 'papr'; did you mean paper"),
        ({"task": "z*"}, r"no task matches 'z\*'"),
        ({"grid": {"lr": [1e-3]}, "seeds": "0,"}, r"uses tuning seeds \(1000-1999\), and 0 draws test data; --on-test allows"),
        ({"grid": {"lr": [1e-3]}, "set": {"lr": 1e-3}}, "'lr' is in --set and in --grid"),
        ({"grid": {"lrr": [1e-3]}}, "unknown parameter of dip 'lrr'; did you mean lr"),
        ({"timeout": "soon"}, "'soon' is not a duration; write 90s, 10m or 2h, or never"),
    ],
)
def test_requests_that_cannot_be_met(how, message):
    with pytest.raises(UserError, match=message):
        plan(**how)


def test_a_grid_is_every_combination_on_tuning_data():
    jobs = plan(grid={"lr": [1e-3, 1e-4], "steps": [3, 5]}, seeds=2, baseline=False).jobs
    found = {(j.key.parameters["lr"], j.key.parameters["steps"], j.key.seed) for j in jobs}
    assert found == {(lr, steps, seed) for lr in (1e-3, 1e-4) for steps in (3, 5) for seed in (1000, 1001)}
    assert not any(j.on_test for j in jobs)


def test_a_grid_on_test_data_is_marked():
    jobs = plan(grid={"lr": [1e-3, 1e-4]}, on_test=True).jobs
    assert [(j.key.seed, j.on_test) for j in jobs] == [(0, True)] * 3


def test_a_method_that_came_along_takes_of_a_grid_what_it_knows():
    found = [(j.key.method, j.key.parameters.get("damping")) for j in plan(method="all", grid={"damping": [0.1, 0.2]}).jobs]
    assert found.count(("zero_filled", None)) == 1
    assert ("cg_sense", 0.1) in found
    assert ("cg_sense", 0.2) in found


def test_a_key_says_what_is_run():
    """Of the preset that is asked for, and of the task's own version."""
    data, spec = fingerprint(("colin27",), None), registry.get_method("dip").spec
    assert spec.resolve("mri", "tiny", {}) != spec.resolve("mri", "small", {})
    for preset in ("tiny", "small"):
        [job] = plan(preset=preset, seeds="3,", baseline=False).jobs
        key = job.key
        assert (key.task, key.version, key.preset, key.method, key.seed, key.data) == ("mri", 1, preset, "dip", 3, data)
        assert key.parameters == spec.resolve("mri", preset, {})


def test_a_key_has_the_version_of_the_task(tmp_path):
    text = (registry.ROOT / "runners" / "templates" / "task.txt").read_text()
    for name, given in (("$name", "mine"), ("$title", "Mine"), ("$class", "Mine"), ("version=1", "version=2")):
        text = text.replace(name, given)
    (tmp_path / "mine.py").write_text(text)
    registry.include([tmp_path / "mine.py"])
    assert [job.key.version for job in plan(task="mine", method="zero_filled").jobs] == [2]


def test_what_is_done_is_not_to_be_done_again():
    one, two = plan(seeds=2, baseline=False).jobs
    found = plan(seeds=2, baseline=False).with_todo({one.key.digest: {1}, "another": {0}}).jobs
    assert [(job.key, job.todo) for job in found] == [(one.key, (0,)), (two.key, (0, 1))]


LEARNER = '''
"""Learns a number."""

from benchmark import Count, LinearInverse, method


def number(training, ctx, *, width: Count = 3):
    return {}


@method("learner", solves="LinearInverse", kind="test", paper="", needs=("spectrum",), fit=number)
def learner(problem: LinearInverse, ctx, learnt, *, scale: Count = 1):
    return problem.y
'''


def test_what_was_learnt_has_the_key_of_what_decides_it(tmp_path):
    (tmp_path / "learner.py").write_text(LEARNER.lstrip())
    registry.include([tmp_path / "learner.py"])

    def keys(**how):
        [job] = plan(task="spectral", method="learner", baseline=False, **{"preset": "small", **how}).jobs
        return job.key.digest, job.fit_key.digest

    usual, scaled, wide = keys(), keys(set={"scale": 2}), keys(set={"width": 4})
    assert usual[0] != scaled[0]
    assert usual[1] == scaled[1]
    assert usual[1] != wide[1]
    assert keys(preset="small_lines")[1] == usual[1]  # their training data are the same
    assert len({keys(seeds="1,")[1], keys(preset="tiny")[1], usual[1]}) == 3


def test_presets_are_named_one_by_one_or_by_a_glob():
    """Each once and in their order, and on every task that has them."""

    def places(task, preset):
        made = plan(task=task, method="all", preset=preset)
        without = [note for note in made.notes if "has no preset" in note]
        return list(dict.fromkeys((job.key.task, job.key.preset) for job in made.jobs)), without

    assert places("spectral", ["small_lines", "tiny"])[0] == [("spectral", "small_lines"), ("spectral", "tiny")]
    both, notes = places(["mri", "spectral"], ["tiny", "small_l*", "t*"])
    assert both == [("mri", "tiny"), ("spectral", "tiny"), ("mri", "small_long"), ("spectral", "small_lines")]
    assert not notes
    assert places(["mri", "spectral"], "small_lines")[1] == ["skipped mri: it has no preset small_lines"]


@pytest.mark.parametrize(
    ("task", "preset", "message"),
    [
        ("mri", ["tiny", "smal"], "unknown preset of mri 'smal'; did you mean small"),
        ("mri", "medium*", r"unknown preset of mri 'medium\*'"),
        (["mri", "mc"], ["tiny", "small_film"], "unknown preset 'small_film'"),
    ],
)
def test_a_preset_that_no_task_has_is_refused(task, preset, message):
    with pytest.raises(UserError, match=message):
        plan(task=task, method="all", preset=preset)


def test_a_preset_whose_data_is_missing_is_left_out_of_a_larger_plan(tmp_path):
    with pytest.raises(UserError, match="needs --data-dir"):
        plan(preset="full")


def test_a_plan_file_lists_runs(tmp_path):
    yaml = tmp_path / "plan.yaml"
    yaml.write_text(
        "runs:\n  - {task: mri, method: [dip, 'kind:classical'], preset: tiny, seeds: 2, timeout: 10m}\n"
        "  - task: mri\n    method: dip\n    preset: tiny\n    grid: {lr: [1.0e-3, 3.0e-3]}\n    baseline: false\n"
    )
    toml = tmp_path / "plan.toml"
    toml.write_text(
        '[[runs]]\ntask = "mri"\nmethod = ["dip", "kind:classical"]\npreset = "tiny"\nseeds = 2\ntimeout = "10m"\n'
        '[[runs]]\ntask = "mri"\nmethod = "dip"\npreset = "tiny"\ngrid = {lr = [1e-3, 3e-3]}\nbaseline = false\n'
    )
    one, two = (make_plan(read_plan_file(file)) for file in (yaml, toml))
    assert one.jobs == two.jobs
    assert len(one.jobs) == 5 * 2 + 2
    assert one.jobs[0].timeout == 600
    # the same run twice is one job
    assert len(make_plan([*read_plan_file(yaml), *read_plan_file(toml)]).jobs) == len(one.jobs)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "runs:\n  - {task: mri, methd: dip}", r"runs.0: unknown key 'methd'; did you mean method"),
        ("a.yaml", "tasks:\n  - {name: mine}\nruns: []", "top level: unknown key 'tasks'"),
        ("a.yaml", "runs: [", "while parsing"),
        ("a.yaml", "runs: []", "its list of runs is empty"),
        ("a.yaml", "runs:\n  - {task: mri, method: dip, baseline: 3}", "runs.0.baseline: input should be a valid boolean"),
        ("a.yaml", "- 3", "top level: input should be"),
        ("a.toml", "runs = [", "a.toml: "),
        ("a.json", "{}", "ends in .yaml, .yml or .toml"),
    ],
)
def test_a_plan_file_that_is_wrong_is_one_line(tmp_path, name, text, message):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_plan_file(file)
    assert "\n" not in str(caught.value)


def test_a_missing_plan_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_plan_file(tmp_path / "none.yaml")


def test_parse_seeds():
    assert parse_seeds("3") == [0, 1, 2]
    assert parse_seeds(2) == [0, 1]
    assert parse_seeds([4, 4, 1]) == [4, 1]
    assert parse_seeds(None, tuning=True) == [1000]
    assert parse_seeds("0,4,7,4") == [0, 4, 7]
    assert parse_seeds("1000,") == [1000]
    for bad in ("", "0", "-1,", "a", "1,b", "5000,", ",", []):
        with pytest.raises(UserError, match="--seeds"):
            parse_seeds(bad)


def test_parse_settings():
    found = {"lr": 0.01, "steps": 3, "noise": "none", "on": True}
    assert parse_settings(["lr=1e-2", "steps=3", "noise=none", "on=true"]) == found
    assert parse_grid(["lr=1e-3,1e-4", "kind=a,b"]) == {"lr": [1e-3, 1e-4], "kind": ["a", "b"]}
    for bad in ("lr", "=3", "lr=", "lr=,"):
        with pytest.raises(UserError, match="--grid"):
            parse_grid([bad])


@pytest.mark.parametrize("given", [3, 0.001, "db4", "true", "3", True, None, "two words"])
def test_a_value_survives_the_command_line(given):
    assert value(shown(given)) == given
    assert type(value(shown(given))) is type(given)


def test_parse_size():
    assert parse_size("800M") == 8e8
    assert parse_size("4gb") == 4e9
    for bad in ("4", "G", "-1G", "many"):
        with pytest.raises(UserError, match="write a size"):
            parse_size(bad)
