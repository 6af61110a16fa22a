"""The tasks on matrices: what their presets refuse, what is seen of which matrix, and how they score."""

import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark import UserError, registry
from benchmark.datasets import cities, ratings
from benchmark.instances import make_instance
from tasks.deep_mc import Uniform, first_of_each, planted, sample
from tasks.mc import Cells

MC, DEEP = registry.get_task("mc").spec, registry.get_task("deep_mc").spec
RATED = ["small_films", "small_lecturers"]
OFFLINE = [(spec.name, name) for spec in (MC, DEEP) for name in spec.presets if not name.startswith("full")]


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def make(task, preset="tiny", split="test", index=0, data_dir=None, seed=0, **changed):
    found = registry.get_task(task).load(data_dir)
    return found, found.make(found.spec.presets[preset].model_copy(update=changed), split, index, draw(seed))


def whole(instance):
    """M (B, m, n) from the truth's factors."""
    left, right = instance.problem.unpack(instance.truth)
    return left @ right.mT


def seen(instance):
    """The mask of what is observed, as booleans."""
    return instance.problem.dense()[1].bool()


# --- presets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "field", "given"),
    [
        (Cells, "n", {"n": (0,)}),
        (Cells, "n", {"n": ()}),
        (Cells, "rank", {"rank": (0,)}),
        (Cells, "rank", {"rank": ()}),
        (Cells, "rank", {"rank": (31,)}),
        (Cells, "rank", {"rank": (2, 31), "instances": 2}),
        (Cells, "rank", {"n": (30, 2), "rank": (3,), "instances": 2}),
        (Cells, "rank", {"matrices": "cities", "rank": (2,)}),
        (Cells, "rank", {"matrices": "cities", "rank": (3, 5), "instances": 2}),
        (Cells, "noise", {"noise": (-0.1,)}),
        (Cells, "trials", {"trials": 0}),
        (Cells, "repeats", {"repeats": 0}),
        (Cells, "instances", {"instances": 2}),
        (Cells, "instances", {"rank": (2, 3)}),
        (Cells, "instances", {"noise": (0.0, 0.1), "threshold": (0.0, 1.0), "repeats": 2, "instances": 4}),
        (Cells, "matrices", {"matrices": "towns"}),
        (Uniform, "n", {"n": 0}),
        (Uniform, "rank", {"rank": 0}),
        (Uniform, "rank", {"rank": 31}),
        (Uniform, "rank", {"matrices": "movielens", "items": 5, "rank": 6}),
        (Uniform, "seen", {"seen": 1.1}),
        (Uniform, "seen", {"seen": -0.1}),
        (Uniform, "seen", {"seen": 0.0}),
        (Uniform, "seen", {"seen": 0.03}),
        (Uniform, "seen", {"seen": 1.0}),
        (Uniform, "seen", {"matrices": "movielens", "items": 30, "seen": 1.0}),
        (Uniform, "items", {"matrices": "movielens"}),
        (Uniform, "items", {"items": 30}),
        (Uniform, "matrices", {"matrices": "films"}),
    ],
)
def test_an_impossible_preset_is_refused_by_the_name_of_its_field(preset, field, given):
    base = {Cells: {"n": (30,), "rank": (3,)}, Uniform: {"n": 30, "rank": 3, "seen": 0.5}}[preset]
    preset(instances=1, budget=1.0, **base)
    with pytest.raises(ValidationError) as caught:
        preset(**{"instances": 1, "budget": 1.0, **base, **given})
    (error,) = caught.value.errors()
    assert error["loc"][:1] == (field,) or f"{field}:" in error["msg"].split()


def test_presets_may_go_to_the_limit():
    _, instance = make("mc", n=(6,), rank=(6,), trials=1)
    assert torch.linalg.matrix_rank(whole(instance)).tolist() == [6]
    _, instance = make("deep_mc", n=20, rank=20, seen=0.9)
    assert torch.linalg.matrix_rank(whole(instance)).tolist() == [20]


@pytest.mark.parametrize("repeat", [0, 1000])
@pytest.mark.parametrize(("task", "preset"), OFFLINE)
def test_presets_without_the_users_data_make_instances(task, preset, repeat):
    found, labels = registry.get_task(task).load(), set()
    for index in range(found.spec.presets[preset].instances):
        instance = make_instance(found, preset, index, repeat)
        problem = instance.problem
        assert problem.y.dtype == torch.float64
        assert 0.02 < problem.fraction < 0.9
        assert (problem.symmetric, problem.above is not None) == ((True, True) if task == "mc" else (False, False))
        assert ("tuning" in instance.label) == (repeat >= 1000)
        labels.add(instance.label)
    assert len(labels) == index + 1
    again, other = make_instance(found, preset, index, repeat), make_instance(found, preset, index, repeat + 1)
    assert torch.equal(again.problem.y, problem.y)
    assert torch.equal(again.truth, instance.truth)
    assert not torch.equal(other.truth, instance.truth)


@pytest.mark.parametrize(("task", "preset"), [("mc", "tiny"), ("mc", "small_threshold"), ("deep_mc", "tiny")])
def test_no_seed_draws_an_instance_that_cannot_be_posed(task, preset):
    found = registry.get_task(task).load()
    for repeat in range(1, 10):
        for index in range(found.spec.presets[preset].instances):
            make_instance(found, preset, index, repeat)


# --- ReLU sampling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [-2.0, -0.5, 0.0, 0.5])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_what_is_above_the_threshold_is_seen_and_nothing_else(threshold, noise):
    _, instance = make("mc", n=(60,), rank=(5,), trials=3, threshold=(threshold,), noise=(noise,))
    problem, M, mask = instance.problem, whole(instance), seen(instance)
    assert problem.above == threshold
    assert problem.shape == (3, 60, 60)
    assert (problem.y > threshold).all()
    assert torch.equal(mask, mask.mT)
    assert threshold > 0 or noise or mask.diagonal(dim1=-2, dim2=-1).all()
    assert 0.1 < problem.fraction < 0.9
    if not noise:
        assert torch.equal(mask, threshold < M)
        torch.testing.assert_close(problem.y, M[mask], rtol=1e-12, atol=1e-13)
    else:
        assert not torch.equal(mask, threshold < M)
        assert (M[~mask] <= threshold + 6 * noise).all()
        assert (M[mask] > threshold - 6 * noise).all()


def test_planted_matrices_have_standard_normal_factors_and_their_rank():
    _, instance = make("mc", n=(200,), rank=(7,), trials=4)
    left, right = instance.problem.unpack(instance.truth)
    assert torch.equal(left, right)
    assert left.shape == (4, 200, 7)
    assert abs(left.mean().item()) < 0.05
    assert left.std().item() == pytest.approx(1, abs=0.03)
    assert instance.problem.rank == 7
    assert torch.linalg.matrix_rank(whole(instance)).tolist() == [7] * 4
    assert len(left[:, 0].unique(dim=0)) == 4


@pytest.mark.parametrize("noise", [1e-4, 0.5])
def test_noise_is_symmetric_and_as_strong_as_the_preset_says(noise):
    _, instance = make("mc", n=(200,), rank=(5,), trials=3, noise=(noise,), threshold=(-9.0,))
    X, mask = instance.problem.dense()
    S = torch.where(mask.bool(), X - whole(instance), 0)
    torch.testing.assert_close(S, S.mT, rtol=0, atol=1e-12)
    upper = torch.ones(200, 200).triu(1).bool().expand_as(S) & mask.bool()
    on = torch.eye(200).bool().expand_as(S)
    assert upper.sum() > 0.45 * S.numel()
    for where, rel in ((upper, 0.01), (on, 0.12)):
        assert S[where].std().item() == pytest.approx(noise, rel=rel)
        assert abs(S[where].mean().item()) < 3 * noise / where.sum().item() ** 0.5
    assert S[0].sub(S[1])[mask[0].bool() & mask[1].bool()].std().item() == pytest.approx(2**0.5 * noise, rel=0.03)


def test_every_combination_is_a_cell_and_repeats_come_after_all_of_them():
    changed = {"n": (20, 30), "rank": (2, 3), "noise": (0.0, 0.1), "threshold": (0.0,), "repeats": 2, "instances": 16}
    found = [make("mc", index=index, **changed)[1] for index in range(16)]
    cells = [(one.problem.shape[1], one.problem.rank, "noise 0.1" in one.label, "draw 1" in one.label) for one in found]
    assert cells == [(n, rank, noise, late) for late in (False, True) for n in (20, 30) for rank in (2, 3) for noise in (0, 1)]
    assert found[0].label == "n 20, rank 2, noise 0 (draw 0)"


@pytest.mark.parametrize(("index", "rank", "distance"), [(0, 3, 2**0.5), (1, 4, 3**0.5)])
def test_cities_are_seen_where_they_are_near(index, rank, distance):
    _, instance = make("mc", "small_cities", index=index)
    M, mask = whole(instance)[0], seen(instance)[0]
    assert instance.problem.rank == rank == torch.linalg.matrix_rank(M, hermitian=True)
    x = instance.truth[0, :200, -3:]
    assert x.norm(dim=-1).sub(1).abs().max() < 1e-12
    everyone = {tuple(city) for city in cities.draw(400, "test", draw()).tolist()}
    assert {tuple(city) for city in x.tolist()} <= everyone
    torch.testing.assert_close(M, x @ x.T + (0.5 if rank == 4 else 0))
    assert torch.equal(mask, (x[:, None] - x).norm(dim=-1) < distance)


def test_other_cities_are_for_tuning():
    test, tuning = (
        {
            tuple(city)
            for index in range(8)
            for city in make("mc", "small_cities", split, index, seed=index)[1].truth[0, :200, -3:].tolist()
        }
        for split in ("test", "tuning")
    )
    assert min(len(test), len(tuning)) > 390
    assert not test & tuning


@pytest.mark.parametrize(
    ("threshold", "message"), [(5.0, r"row \d+ of 30 has no observed entry"), (1e6, "where has .* no entry is observed")]
)
def test_a_threshold_that_hides_a_row_is_one_clear_error(threshold, message):
    shown = re.escape(f"{threshold:g}")
    expected = rf"^n 30, rank 2, above {shown}: {message}; seen is what is above the threshold {shown}$"
    with pytest.raises(UserError, match=expected) as caught:
        make("mc", n=(30,), rank=(2,), threshold=(threshold,))
    assert "\n" not in str(caught.value)


def test_a_threshold_that_hides_nothing_is_one_clear_error(data_dir):
    with pytest.raises(UserError, match=r"^n 30, rank 2, above -1000: .*threshold -1000"):
        make("mc", n=(30,), rank=(2,), threshold=(-1000.0,))
    np.save(data_dir / "matrices" / "0.npy", np.ones((20, 20)))
    with pytest.raises(UserError, match=r"^0.npy: .*threshold 0"):
        make("mc", "full_matrices", data_dir=data_dir)


# --- matrices of the user's own -----------------------------------------------------------------------------------------


def gram(n, rank, seed=0):
    U = np.random.default_rng(seed).standard_normal((n, rank))
    return U @ U.T


@pytest.fixture
def data_dir(tmp_path):
    """Four matrices: n = 20, 21, 22, 23, rank 2, 3, 4, 5."""
    (tmp_path / "matrices").mkdir()
    for number in range(4):
        np.save(tmp_path / "matrices" / f"{number}.npy", gram(20 + number, 2 + number))
    return tmp_path


def test_the_users_matrices_are_seen_where_they_are_positive(data_dir):
    for index, (label, n, rank) in enumerate([("0", 20, 2), ("1", 21, 3), ("3", 23, 5)]):
        found, instance = make("mc", "full_matrices", index=index, data_dir=data_dir)
        M = torch.from_numpy(gram(n, rank))[None] if index == 0 else whole(instance)
        assert instance.label == label
        assert (instance.problem.shape, instance.problem.rank, instance.problem.above) == ((1, n, n), rank, 0)
        assert torch.equal(seen(instance), M > 0)
        torch.testing.assert_close(whole(instance), M, rtol=0, atol=1e-12)
        scores = found.score(instance, instance.truth)
        assert scores["success"] == 1
        assert scores["relative_error"] < 1e-14
    _, tuning = make("mc", "full_matrices", "tuning", data_dir=data_dir)
    assert (tuning.label, tuning.problem.rank) == ("2", 4)


def test_the_rank_counts_what_is_above_a_millionth(data_dir):
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 20)))[0]
    values = np.array([1, 1e-2, 1e-5, 1e-7, 1e-9] + 15 * [0])
    M = (Q * values) @ Q.T
    np.save(data_dir / "matrices" / "0.npy", (M + M.T) / 2)
    found, instance = make("mc", "full_matrices", data_dir=data_dir)
    assert instance.problem.rank == 3
    assert found.score(instance, instance.truth)["relative_error"] < 1e-12


def test_too_few_matrices_are_refused(data_dir):
    for split, index, there in (("test", 3, 3), ("tuning", 1, 1)):
        with pytest.raises(UserError, match=rf"^matrices holds 4 files, {there} of them for {split} .*instance {index} needs"):
            make("mc", "full_matrices", split, index, data_dir)
    for folder, message in ((None, "this preset needs --data-dir"), (data_dir / "matrices", r"no matrices/\*.npy in")):
        with pytest.raises(UserError, match=rf"^{message}.*: put symmetric .* into DATA_DIR/matrices/$"):
            make("mc", "full_matrices", data_dir=folder)


def test_matrices_that_do_not_fit_are_refused_by_the_name_of_the_file(data_dir):
    M, file = gram(20, 2), data_dir / "matrices" / "0.npy"
    off = M.copy()
    off[3, 4] += 1
    bad = {
        "^0.npy is not symmetric: entry \\(3, 4\\) is ": off,
        "^0.npy is not positive semidefinite: its smallest eigenvalue is -": M - np.eye(20),
        "^0.npy is not positive semidefinite: its smallest eigenvalue is -1": -np.eye(20),
        "^0.npy: .*; seen is what is above the threshold 0$": np.zeros((20, 20)),
        "^0.npy: row 7 of 20 has no observed entry; ": np.diag(np.arange(20) != 7).astype(float),
    }
    for message, matrix in bad.items():
        np.save(file, matrix)
        with pytest.raises(UserError, match=message):
            make("mc", "full_matrices", data_dir=data_dir)


def test_zeros_that_rounding_made_asymmetric_do_not_stop_a_matrix(data_dir):
    M = np.kron(np.eye(2), gram(10, 2))
    M[0, 15], M[15, 0] = 1e-17, -1e-17
    np.save(data_dir / "matrices" / "0.npy", M)
    assert make("mc", "full_matrices", data_dir=data_dir)[1].problem.rank == 4


# --- uniform sampling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "fraction"), [(40, 0.5), (41, 0.333), (60, 0.2), (30, 0.99)])
def test_exactly_the_share_is_seen(n, fraction):
    _, instance = make("deep_mc", n=n, rank=2, seen=fraction)
    problem = instance.problem
    assert len(problem.y) == round(fraction * n * n)
    torch.testing.assert_close(problem.y, whole(instance)[seen(instance)], rtol=1e-12, atol=1e-12)
    assert (problem.symmetric, problem.above) == (False, None)
    _, other = make("deep_mc", n=n, rank=2, seen=fraction, seed=1)
    assert not torch.equal(other.problem.where, problem.where)


@pytest.mark.parametrize("count", [1, 4, 10, 12])
def test_places_are_sorted_different_and_uniform(count):
    total, tries = torch.zeros(3, 4), 1000
    pairs = torch.zeros(12, 12)
    generator = draw()
    for _ in range(tries):
        where = sample(3, 4, count, generator)
        assert where.shape == (3, count)
        assert (where[0] == 0).all()
        flat = where[1] * 4 + where[2]
        assert (flat[1:] > flat[:-1]).all()
        total[where[1], where[2]] += 1
        pairs[flat[:, None], flat] += 1
    share, together = count / 12, count * (count - 1) / (12 * 11)
    deviation = (tries * share * (1 - share)) ** 0.5
    assert (total - tries * share).abs().max() <= 4.5 * deviation
    deviation = (tries * together * (1 - together)) ** 0.5
    assert (pairs - tries * together).abs()[~torch.eye(12).bool()].max() <= 4.5 * deviation


@pytest.mark.parametrize(("n", "rank"), [(40, 2), (100, 10), (200, 5)])
def test_planted_is_the_best_approximation_of_a_normal_matrix(n, rank):
    left, right = planted(n, rank, draw(3))
    assert left.shape == right.shape == (n, rank)
    U, s, Vh = np.linalg.svd(torch.randn(n, n, dtype=torch.float64, generator=draw(3)).numpy())
    np.testing.assert_allclose(left @ right.T, (U[:, :rank] * s[:rank]) @ Vh[:rank], atol=1e-10)
    values = torch.linalg.svdvals(left @ right.T)
    assert values[rank:].max() < 1e-10
    assert 0.7 < values[rank - 1] / values[0] <= 1  # flat
    assert values[0].item() == pytest.approx(2 * n**0.5, rel=0.15)


def test_large_planted_matrices_are_products_of_normal_factors():
    left, right = planted(5000, 2, draw())
    assert left.shape == right.shape == (5000, 2)
    assert torch.cat([left, right]).std().item() == pytest.approx(1, abs=0.02)
    assert not torch.equal(left, right)


def test_an_empty_row_is_one_clear_error():
    with pytest.raises(UserError, match=r"(row|column) \d+ of 40 has no observed entry") as caught:
        make("deep_mc", n=40, rank=1, seen=0.026)
    assert "\n" not in str(caught.value)


# --- ratings ------------------------------------------------------------------------------------------------------------


def known(preset, split):
    """(user, item) -> stars of the core that a preset is drawn from."""
    size = DEEP.presets[preset]
    user, item, stars = ratings.core(ratings.packaged(size.matrices), size.n, size.items, int(split == "tuning"))
    return {(int(u), int(i)): s for u, i, s in zip(user, item, stars, strict=True)}


@pytest.mark.parametrize("split", ["test", "tuning"])
@pytest.mark.parametrize("preset", RATED)
def test_what_is_held_out_is_not_seen_and_both_are_all_ratings(preset, split):
    found, instance = make("deep_mc", preset, split)
    size, problem, everything = found.spec.presets[preset], instance.problem, known(preset, split)
    assert problem.shape == (1, size.n, size.items)
    assert torch.bincount(problem.where[1], minlength=size.n).min() > 0
    assert torch.bincount(problem.where[2], minlength=size.items).min() > 0
    assert (instance.truth[0] == 0).all()
    seen = dict(zip(zip(*problem.where[1:].tolist(), strict=True), problem.y.tolist(), strict=True))
    held = dict(zip(zip(*instance.truth[1:3].long().tolist(), strict=True), instance.truth[3].tolist(), strict=True))
    assert not seen.keys() & held.keys()
    assert seen.keys() | held.keys() == everything.keys()
    mean = np.mean([everything[place] for place in seen])
    for part in (seen, held):
        assert [value + mean for value in part.values()] == pytest.approx([everything[place] for place in part])
    assert problem.y.mean().abs().item() < 1e-12
    assert len(held) / len(everything) == pytest.approx(1 - size.seen, abs=0.03)


@pytest.mark.parametrize("preset", RATED)
def test_other_splits_hold_other_ratings_out(preset):
    places = [{tuple(place) for place in make("deep_mc", preset, seed=seed)[1].truth[1:3].T.tolist()} for seed in range(2)]
    assert len(places[0] & places[1]) < 0.4 * len(places[0])


@pytest.mark.parametrize("preset", RATED)
def test_test_and_tuning_share_no_user(preset):
    size = DEEP.presets[preset]
    user, item, _ = ratings.packaged(size.matrices)
    chosen = []
    for parity in (0, 1):  # users as they are named in the file, found again by all that they rated
        rows, _, values = ratings.core((user, item, np.arange(len(user)) * 1.0), size.n, size.items, parity)
        assert len(np.unique(rows)) == size.n
        chosen.append({int(user[int(k)]) for k in values})
        assert len(chosen[-1]) == size.n
    assert not chosen[0] & chosen[1]


@pytest.mark.parametrize("split", ["test", "tuning"])
@pytest.mark.parametrize("preset", RATED)
def test_the_mean_misses_by_the_spread_of_what_is_held_out(preset, split):
    found, instance = make("deep_mc", preset, split)
    size, everything, B = found.spec.presets[preset], known(preset, split), instance.problem.shape
    held = instance.truth[1:3].long().T.tolist()
    seen = np.mean([stars for place, stars in everything.items() if list(place) not in held])
    miss = np.array([everything[tuple(place)] for place in held]) - seen
    for zero in (torch.zeros(B, dtype=torch.float64), torch.zeros(1, size.n + size.items, 1, dtype=torch.float64)):
        scores = found.score(instance, zero)
        assert scores["rmse"] == pytest.approx((miss**2).mean() ** 0.5)
        assert scores["mae"] == pytest.approx(np.abs(miss).mean())
    assert 0.8 < scores["rmse"] < 1.5


def test_the_first_of_each_is_the_first_that_there_is():
    index = torch.tensor([2, 0, 2, 0, 4, 4, 0])
    assert first_of_each(index, 6).nonzero().flatten().tolist() == [0, 1, 4]


@pytest.fixture
def rated(tmp_path):
    """A file with ratings of 60 users for 15 items; 0 to 7 rated all, 8 to 15 all but the last, and so on."""
    (tmp_path / "ratings").mkdir()
    lines = [f"{user},{item},{1 + (user * item) % 5}" for user in range(60) for item in range(15 - user // 8)]
    (tmp_path / "ratings" / "mine.csv").write_text("user,item,stars\n" + "\n".join(lines))
    return tmp_path


def test_the_users_own_ratings_are_completed(rated):
    found, test = make("deep_mc", "full_ratings", data_dir=rated, n=30, items=15)
    _, tuning = make("deep_mc", "full_ratings", "tuning", data_dir=rated, n=30, items=15)
    total = sum(15 - user // 8 for user in range(60))
    assert len(test.problem.y) + test.truth.shape[1] + len(tuning.problem.y) + tuning.truth.shape[1] == total
    assert found.score(test, torch.zeros(1, 45, 1, dtype=torch.float64))["rmse"] > 0.5
    with pytest.raises(UserError, match=r"^ratings: this preset needs 31 users, but there are 30$"):
        make("deep_mc", "full_ratings", data_dir=rated, n=31, items=15)
    with pytest.raises(UserError, match=r"^ratings: this preset needs 16 items, but there are 15$"):
        make("deep_mc", "full_ratings", data_dir=rated, n=30, items=16)


def test_ratings_that_are_missing_or_broken_are_refused(rated):
    for folder, message in ((None, "this preset needs --data-dir"), (rated / "ratings", "no ratings/")):
        with pytest.raises(UserError, match=rf"^{message}.*: put a file with .* into DATA_DIR/ratings/$"):
            make("deep_mc", "full_ratings", data_dir=folder)
    file = rated / "ratings" / "mine.csv"
    file.write_text("1,2,3\n1,2\n")
    with pytest.raises(UserError, match=r"^mine.csv, line 2: "):
        make("deep_mc", "full_ratings", data_dir=rated)


# --- the scores ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "preset"), OFFLINE)
def test_scores_are_those_of_the_preset_and_best_for_the_truth(task, preset):
    found, instance = make(task, preset)
    problem, spec = instance.problem, found.spec.at(preset)
    rated = instance.truth.ndim == 2
    truth = instance.truth
    if rated:
        truth = problem.dense()[0]
        _, user, item = instance.truth[:3].long()
        truth[0, user, item] = instance.truth[3]
    far = problem.near(truth, 0.3, draw(1))
    scores = {name: found.score(instance, one) for name, one in (("truth", truth), ("far", far), ("zero", 0 * truth))}
    for score in scores.values():
        assert list(score) == [metric.name for metric in spec.metrics]
        assert all(isinstance(value, float) and np.isfinite(value) for value in score.values())
    for metric in spec.metrics:
        sign = 1 if metric.better == "higher" else -1
        assert sign * scores["truth"][metric.name] > sign * scores["far"][metric.name]
        assert sign * scores["far"][metric.name] >= sign * scores["zero"][metric.name]
    assert found.quality(instance, far) == scores["far"][spec.primary.name]
    assert spec.primary.better == "lower"


@pytest.mark.parametrize(("task", "preset"), [("mc", "tiny"), ("deep_mc", "tiny")])
def test_planted_scores_are_those_of_dense_matrices(task, preset):
    found, instance = make(task, preset)
    M, mask = whole(instance).numpy(), seen(instance).numpy()
    factors = instance.problem.near(instance.truth, 0.01, draw(1))
    factors[:1] = instance.problem.near(instance.truth, 1e-6, draw(1))[:1]
    left, right = instance.problem.unpack(factors)
    E = (left @ right.mT).numpy() - M
    norm = np.linalg.norm
    overall = np.array([norm(e) / norm(one) for e, one in zip(E, M, strict=True)])
    unseen = np.array([norm(e[~s]) / norm(one[~s]) for e, one, s in zip(E, M, mask, strict=True)])
    if task == "mc":
        expected = {
            "log10_error": np.log10(overall).mean(),
            "success": 0.5,
            "relative_error": overall.mean(),
            "unseen_error": unseen.mean(),
        }
    else:
        logs = np.log10([overall[0], unseen[0]])
        expected = {"log10_error": logs[0], "log10_unseen_error": logs[1], "success": 1.0}
    for estimate in (factors, left @ right.mT):
        assert found.score(instance, estimate) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("task", "preset"), [("mc", "small_noise"), ("mc", "small_cities"), *((DEEP.name, p) for p in RATED)])
def test_curves_show_how_well_the_observed_is_fitted(task, preset):
    found, instance = make(task, preset)
    problem = instance.problem
    estimate = 1.1 * problem.dense()[0]
    fitted = found.traces(instance, estimate)
    if task == "mc" or preset not in RATED:
        assert fitted == {"observed residual": pytest.approx(-1)}
    else:
        assert fitted == {"observed rmse": pytest.approx(0.1 * problem.y.square().mean().sqrt().item())}


@pytest.mark.parametrize(("task", "preset"), OFFLINE)
def test_pictures_of_truth_and_estimates_lie_on_one_scale(task, preset):
    found, instance = make(task, preset)
    _, m, n = instance.problem.shape
    B = instance.problem.shape
    for estimate in (instance.truth, torch.zeros(B, dtype=torch.float64)):
        image = found.picture(instance, estimate)["image"]
        assert image.shape == (min(m, 128), min(n, 128))
        assert image.isfinite().all()
    assert image.unique().tolist() == [0.5]
    shown = found.picture(instance, instance.truth)["image"]
    if instance.truth.ndim == 2:
        X, mask = instance.problem.dense()
        largest = X.abs().max()
        _, user, item = instance.truth[:3].long()
        X[0, user, item], mask[0, user, item] = instance.truth[3], 1
        torch.testing.assert_close(shown, (X[0, :128, :128] / largest + 1) / 2)
        assert (shown[mask[0, :128, :128] == 0] == 0.5).all()
    else:
        assert shown.min() >= 0
        assert shown.max() <= 1
        assert (shown - 0.5).abs().max().item() == pytest.approx(0.5)
