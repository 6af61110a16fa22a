"""The logic of what is done otherwise on a GPU, on a CPU."""

import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from benchmark import contracts, environment, evaluation, registry, solving
from benchmark.contracts import Broken, Pair, of_methods
from benchmark.contracts.pair import ShortContext
from benchmark.errors import UserError
from benchmark.problems import retrieval
from benchmark.repeatable import repeatable
from methods.images._unet import unet
from methods.matrices import _misfit
from runners import start, worker
from tests.methods.test_relu_sampling import normal, posed

CPU = torch.device("cpu")


@pytest.fixture
def gpus(monkeypatch):
    """As if there were so many GPUs; nothing can run on them."""

    def there(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return there


def test_an_estimate_elsewhere_breaks_the_promise(gpus):
    pair = Pair(registry.get_method("cg_sense"), registry.get_task("mri"))
    of_methods.goes_to_its_device(pair, CPU)
    with pytest.raises(Broken, match="the estimate is on meta, not on cpu"):
        of_methods.goes_to_its_device(Elsewhere(pair.method, pair.task), CPU)
    gpus(0)
    with pytest.raises(contracts.NotChecked):
        of_methods.goes_to_its_device(pair)


class Elsewhere(Pair):
    """Gives its estimate somewhere else."""

    def solve(self, instance, ctx, learnt=None):
        return torch.zeros(1, device="meta")


def test_the_version_of_cuda_is_recorded_where_there_is_one(monkeypatch):
    assert "cuda" not in environment.capture(1, "cpu")["packages"] or torch.version.cuda is not None
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert environment.capture(1, "a GPU")["packages"]["cuda"] == "13.0"


def test_evaluation_takes_the_gpu_where_there_is_one(gpus, monkeypatch):
    seen = []

    def scores(task, method, preset, repeats, parameters, place, progress):
        seen.append(str(place))
        raise UserError("seen")

    monkeypatch.setattr(evaluation, "scores", scores)
    task, method = registry.get_task("mri").load(), registry.get_method("cg_sense").load()
    for count, device in ((1, "auto"), (0, "auto"), (1, "cpu")):
        gpus(count)
        with pytest.raises(UserError, match="seen"):
            evaluation.evaluate(task, method, "tiny", 1, {}, device=device)
        assert worker.pick_device(device).type == seen[-1]
    assert seen == ["cuda", "cpu", "cpu"]


def test_a_gpu_that_is_not_there_is_one_line(gpus):
    gpus(1)
    start.check_device("cuda:0")
    for name in ("cuda:1", "cuda:7"):
        with pytest.raises(UserError, match=f"--device {name}: this machine has 1 CUDA devices"):
            start.check_device(name)
    gpus(0)
    with pytest.raises(UserError, match="cpu works everywhere"):
        start.check_device("cuda")


@pytest.mark.parametrize(
    ("tool", "device", "expected"),
    [(None, "auto", False), ("there", "auto", True), (None, "cuda:1", True), ("there", "cpu", False)],
)
def test_jobs_share_a_gpu_where_one_is_meant(monkeypatch, tool, device, expected):
    monkeypatch.setattr(shutil, "which", lambda name: tool)
    monkeypatch.setattr(start, "Path", lambda place: SimpleNamespace(exists=lambda: False))
    assert start._on_gpu(device) is expected


def test_memory_of_a_gpu_is_told_in_megabytes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 5_000_000)
    assert worker._peak_device_memory(torch.device("cuda")) == 5.0
    assert worker._peak_device_memory(CPU) is None


def test_clips_move_to_a_gpu_that_holds_them_twice(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    clips = torch.zeros(250, dtype=torch.uint8), torch.zeros(249, dtype=torch.uint8)
    assert retrieval._fits("cuda", *clips)
    assert not retrieval._fits("cuda", *clips, torch.zeros(1))
    assert retrieval._fits("cpu", *clips, torch.zeros(10**6))


def test_another_layout_in_memory_is_the_same_network():
    net = unet(2, 2, width=4, depth=2, generator=torch.Generator().manual_seed(0), device=CPU)
    x = torch.randn(1, 2, 16, 20, generator=torch.Generator().manual_seed(1))
    expected = net(x)
    net.to(memory_format=torch.channels_last)
    torch.testing.assert_close(net(x), expected)


def test_products_at_once_and_in_blocks_agree(monkeypatch):
    problem, _ = posed(n=40, B=2)
    L, N = normal(2, 40, 2, seed=5), normal(2, 40, 2, seed=6)
    whole = _misfit.Misfit(problem, sparse=False)
    monkeypatch.setattr(_misfit, "_SMALL", 0)
    monkeypatch.setattr(_misfit, "_BLOCK", 400)
    blocks = _misfit.Misfit(problem, sparse=False)
    assert (whole._rows, blocks._rows) == (40, 10)
    for one, other in zip(*(vars(fit(L, N, square=True)).values() for fit in (whole, blocks)), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "method"), [pytest.param("few_shot", "lora", marks=pytest.mark.long), ("video_retrieval", "simclr")]
)
def test_what_is_cast_on_a_gpu_is_cast_by_the_kind_of_the_device(task, method, monkeypatch):
    """Off on a CPU; where it is on, 16 bits change the scores little and leave what is learnt in 32."""
    autocast, asked = torch.autocast, []

    def spy(kind, dtype, enabled):
        asked.append((kind, enabled))
        return autocast(kind, dtype=dtype, enabled=True)

    pair = Pair(registry.get_method(method), registry.get_task(task))
    monkeypatch.setattr(torch, "autocast", spy)
    learnt = None if pair.solver.fit is None else pair.learn(ShortContext).learnt
    found = solving.answer(pair.solver, pair.make().problem, pair.context(0), pair.parameters, learnt)
    assert set(asked) == {("cpu", False)}
    assert found.dtype == torch.float32
    for thing in (learnt or {}).values():
        assert thing.dtype == torch.float32


def test_a_gpu_repeats_itself_in_float32_and_is_as_before_afterwards():
    def state():
        settings = torch.backends.cudnn
        return torch.are_deterministic_algorithms_enabled(), settings.allow_tf32, settings.benchmark

    before = state()

    def fails():
        with repeatable(torch.device("cuda")):
            assert state() == (True, False, False)
            assert torch.is_deterministic_algorithms_warn_only_enabled()
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert state() == before
    with repeatable(torch.device("cpu")):
        assert state() == before


def test_jobs_and_evaluations_run_so(monkeypatch):
    """What a job and ldb.evaluate do with a problem, they do in there."""
    inside, places = [], []

    @contextmanager
    def seen(device):
        places.append(device)
        inside.append(True)
        yield
        inside.pop()

    class ReachedError(Exception):
        pass

    def solve(*given, **more):
        assert inside
        raise ReachedError

    entry = registry.get_method("zero_filled")
    monkeypatch.setattr(evaluation, "repeatable", seen)
    monkeypatch.setattr(evaluation.solving, "solve", solve)
    with pytest.raises(ReachedError):
        evaluation.evaluate(registry.get_task("denoising").load(), entry.load(), "tiny", [0], {}, device="cpu")
    inside.clear()
    monkeypatch.setattr(worker, "repeatable", seen)
    monkeypatch.setattr(worker, "_work", solve)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    with pytest.raises(ReachedError):
        worker.run(SimpleNamespace(apart=False, include=(), device="cpu"), print)
    assert places == [torch.device("cpu")] * 2
