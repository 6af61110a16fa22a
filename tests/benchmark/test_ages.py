"""Which results an edit of the suite ages, counted in pairs of task and method on a copy of the tree."""

import shutil

import pytest

from benchmark import reading, registry, source
from benchmark.registry import ROOT

pytestmark = pytest.mark.slow

PAIRS = [(t, m) for t in registry.tasks().values() for m in registry.methods().values() if not m.spec.misfit(t.spec)]
OF_TASK = {t.spec.name: {(t.spec.name, m.spec.name) for one, m in PAIRS if one is t} for t, _ in PAIRS}
ALL = set().union(*OF_TASK.values())
PHOTOGRAPHS = set().union(
    *(OF_TASK[name] for name in ("denoising", "deblurring", "inpainting", "super_resolution", "phase_retrieval"))
)


def of_methods(*names):
    return {pair for pair in ALL if pair[1] in names}


class Tree:
    """A copy of the suite's code."""

    def __init__(self, root):
        self.root = root
        for folder in ("benchmark", "tasks", "methods"):
            ignore = shutil.ignore_patterns("__pycache__", "assets", "scripts", "store", "submissions", "statistics", "report")
            shutil.copytree(ROOT / folder, root / folder, ignore=ignore)

    def edit(self, file, old, new):
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, file, text):
        path = self.root / file
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    def rename(self, old, new):
        """Rename a module, and what imports it."""
        (self.root / old).rename(self.root / new)
        before, after = (name.removesuffix(".py").replace("/", ".") for name in (old, new))
        for file in self.root.rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if before in text:
                file.write_text(text.replace(before, after), encoding="utf-8")

    def sources(self, preset="tiny"):
        """The hash of each pair on a preset."""
        fields = {}
        for task in registry.tasks().values():
            file = self.root / task.file.relative_to(ROOT)
            spec = reading.task_spec(file, reading.read(file))
            fields[task.spec.name] = source.fields(spec.presets[preset]) if preset in spec.presets else ""
        return {
            (t.spec.name, m.spec.name): source.source_hash(
                self.root / t.file.relative_to(ROOT),
                self.root / m.file.relative_to(ROOT),
                m.spec.name,
                fields[t.spec.name],
                root=self.root,
            )
            for t, m in PAIRS
        }


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("before")).sources()


@pytest.fixture
def aged(tmp_path, before):
    """Apply edits to a fresh copy; the pairs whose hash is another one then."""

    def found(*edits):
        tree = Tree(tmp_path / "after")
        for edit in edits:
            edit(tree)
        after = tree.sources()
        return {pair for pair in before if before[pair] != after[pair]}

    return found


def test_a_copy_elsewhere_has_the_hashes_of_the_suite(before):
    assert before == {
        (t.spec.name, m.spec.name): source.source_hash(t.file, m.file, m.spec.name, source.fields(t.spec.presets["tiny"]))
        for t, m in PAIRS
    }


def test_a_reader_of_one_task_ages_that_task_alone(aged):
    assert (
        aged(lambda tree: tree.edit("benchmark/datasets/fastmri.py", "_AXES = (-2, -1)", "_AXES = (-1, -2)")) == OF_TASK["mri"]
    )


def test_words_names_places_and_specifications_age_nothing(aged):
    assert (
        aged(
            lambda tree: tree.edit("benchmark/context.py", '"""Hold it."""', '"""Stop it for a while."""'),
            lambda tree: tree.append("benchmark/context.py", "\n\ndef nobody_calls_this():\n    return 1\n"),
            lambda tree: tree.edit(
                "benchmark/context.py", "    def stop(self)", "    def unused(self): ...\n\n    def stop(self)"
            ),
            lambda tree: tree.edit("benchmark/randomness.py", "    def rand(", "    def unused(self): ...\n\n    def rand("),
            lambda tree: tree.rename("methods/images/_unet.py", "methods/images/_u_shaped.py"),
            lambda tree: tree.rename("methods/_convergence.py", "methods/matrices/_convergence.py"),
            lambda tree: tree.edit(
                "tasks/mri.py", '"small_8x": Size(', '"small_4x": Size(instances=1, budget=1, size=32),\n"small_8x": Size('
            ),
            lambda tree: tree.edit("tasks/mri.py", 'about="48 x 48', 'about="still 48 x 48'),
            lambda tree: tree.edit("tasks/mri.py", "tolerance=1.25", "tolerance=1.5"),
            lambda tree: tree.edit("methods/images/tv.py", '"weight": (1e-4,', '"weight": (1e-5,'),  # where it is sought
            lambda tree: tree.edit("tasks/mri.py", 'title="Multi-coil MRI"', 'title="MRI"'),
            lambda tree: tree.edit(
                "benchmark/datasets/scanner.py", "def smooth_phase(size: int", "def smooth_phase(size: float"
            ),
            lambda tree: tree.edit("tasks/mri.py", 'return {"image": metrics', 'return {"picture": metrics'),
            lambda tree: tree.edit("benchmark/photograph_tasks/base.py", '{"spread": (', '{"spread": 2 * ('),  # a trait
            lambda tree: tree.edit("methods/images/_pruned.py", "torch.cat(those).mean()", "torch.cat(those).sum()"),
            lambda tree: tree.edit("methods/images/oes.py", "    traits=kept_shares,\n", ""),
            lambda tree: tree.append("methods/images/_fitting.py", "\n\ndef one_more():\n    return 2\n"),
            lambda tree: tree.append("methods/images/dip.py", "\n# a remark\n"),
        )
        == set()
    )


def test_the_fields_of_a_preset_age_that_preset(tmp_path, before):
    tree = Tree(tmp_path / "after")
    small = tree.sources("small")
    source.forget()
    tree.edit("tasks/mri.py", "size=48, coils=3", "size=48, coils=2")
    tiny = tree.sources("tiny")
    assert {pair for pair in before if before[pair] != tiny[pair]} == OF_TASK["mri"]
    assert tree.sources("small") == small


def test_a_default_and_a_setting_age_what_they_give_a_value_to(tmp_path, before):
    """Their values are part of the key as parameters, so that the code's hash need not hold them too."""
    tree = Tree(tmp_path / "after")
    tree.edit(
        "methods/images/tv.py", "weight: Positive = 1e-2, steps: Count = 200", "weight: Positive = 2e-2, steps: Count = 300"
    )
    tree.edit("methods/images/tv.py", '"mri/small_noisy": {"weight": 3e-3', '"mri/small_noisy": {"weight": 4e-3')
    assert tree.sources() == before
    [now] = reading.method_specs(tree.root / "methods/images/tv.py", reading.read(tree.root / "methods/images/tv.py"))
    then = registry.get_method("tv").spec
    given = {"steps": 200}
    assert now.resolve("mri", "small", {}) != then.resolve("mri", "small", {})  # the number of steps
    assert now.resolve("mri", "small", given) == then.resolve("mri", "small", given)  # its weight is a setting's
    assert now.resolve("mri", "small_noisy", given) != then.resolve("mri", "small_noisy", given)


PRUNED = ("random_pruning", "magnitude_pruning", "snip", "grasp", "synflow")


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "methods/images/_fitting.py",
            ".square().mean()",
            ".abs().mean()",
            of_methods("dip", "dip_es", "oes", "oes_kernels", "deep_decoder", "lottery_ticket", *PRUNED),
        ),
        ("benchmark/metrics/perceptual.py", "x = x * 255", "x = x * 256", PHOTOGRAPHS | OF_TASK["image_editing"]),
        ("methods/images/pruning.py", "_flow_of_gradients)\n", "_flow_of_gradients, 2)\n", of_methods("grasp")),
        ("benchmark/randomness.py", "manual_seed(seed)", "manual_seed(seed + 1)", ALL),
        ("benchmark/seeds.py", "{stream}", "{stream}!", ALL),
        (
            "benchmark/models/coding_rates.py",
            "return self.whole - self.classes",
            "return self.classes",
            OF_TASK["representation"],
        ),
        (
            "benchmark/operators/mri.py",
            "return super().noise(generator) * self.mask",
            "return super().noise(generator)",
            OF_TASK["mri"],
        ),
    ],
)
def test_a_change_of_what_several_share_ages_exactly_its_users(aged, file, old, new, expected):
    assert aged(lambda tree: tree.edit(file, old, new)) == expected
