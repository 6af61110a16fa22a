import pytest
import torch
from torch import Tensor, nn

from benchmark.context import Context
from methods.editing._power import leading

CPU = torch.device("cpu")


def net(size: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 1, 3, padding=1)).requires_grad_(False)


def jacobian(f: nn.Module, z: Tensor) -> Tensor:
    n = z.numel()
    found: Tensor = torch.autograd.functional.jacobian(lambda x: f(x[None])[0], z).reshape(n, n)
    return found


@pytest.mark.parametrize("size", [8, 16])
def test_it_finds_the_leading_vectors_of_the_dense_jacobian(size: int) -> None:
    f, z = net(size), torch.rand(1, size, size, generator=torch.Generator().manual_seed(1))
    box = torch.zeros(size, size, dtype=torch.bool)
    box[: size // 2, size // 4 :] = True
    masks = torch.stack([box, ~box, torch.ones_like(box)])
    V, S = leading(f, z, masks, 4, Context(CPU, 0), most=600, tolerance=1e-9)
    J = jacobian(f, z)
    for mask, mine, values in zip(masks, V, S, strict=True):
        _, exact, right = torch.linalg.svd(mask.reshape(-1, 1) * J)
        assert torch.allclose(values, exact[:4], rtol=2e-3)
        gaps = [exact[i] / exact[i + 1] for i in range(4)]
        for i, v in enumerate(mine):
            if min(gaps[max(0, i - 1) : i + 1]) > 1.01:  # separated from its neighbours
                assert (v.flatten() @ right[i]).abs() > 0.999, i
        assert torch.allclose(mine.flatten(1) @ mine.flatten(1).T, torch.eye(4), atol=1e-5)


def test_it_ends_where_the_vectors_stay_though_their_signs_turn() -> None:
    calls = 0

    def f(z: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        weights = torch.zeros(1, 4, 4)
        weights[0, 0, :3] = torch.tensor([-3.0, 2.0, -1.0])
        return z * weights

    mask = torch.ones(1, 4, 4, dtype=torch.bool)
    _, S = leading(f, torch.zeros(1, 4, 4), mask, 3, Context(CPU, 0), least=12, most=50)
    assert torch.allclose(S, torch.tensor([[3.0, 2.0, 1.0]]), atol=1e-4)
    assert calls == 12 * 3  # two of the differences and one of the gradients, in each of twelve rounds


def test_a_map_to_another_shape() -> None:
    weights = torch.rand(5, 12, generator=torch.Generator().manual_seed(0))

    def f(z: Tensor) -> Tensor:
        return (z.flatten(1) @ weights.T)[:, :, None, None]  # (B, 5, 1, 1)

    V, S = leading(f, torch.zeros(3, 2, 2), torch.ones(1, 5, 1, 1), 2, Context(CPU, 0), most=500, tolerance=1e-9)
    _, exact, right = torch.linalg.svd(weights)
    assert torch.allclose(S[0], exact[:2], rtol=1e-3)
    assert (V[0].flatten(1) * right[:2]).sum(1).abs().min() > 0.999


def test_more_directions_than_a_region_has_entries_are_refused() -> None:
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, 0, 0] = True
    with pytest.raises(ValueError, match="5 directions are asked for, and a region has 3 entries"):
        leading(lambda z: z, torch.zeros(3, 4, 4), mask, 5, Context(CPU, 0))


def test_a_sketch_starts_every_mask_near_its_leading_vectors() -> None:
    size = 16
    f, z = net(size), torch.rand(1, size, size, generator=torch.Generator().manual_seed(1))
    box = torch.zeros(size, size, dtype=torch.bool)
    box[: size // 2, size // 4 :] = True
    masks = torch.stack([box, ~box])
    exact = torch.stack([torch.linalg.svdvals(mask.reshape(-1, 1) * jacobian(f, z))[:4] for mask in masks])
    _, S = leading(f, z, masks, 4, Context(CPU, 0), most=3, sketch=160)
    assert torch.allclose(S, exact, rtol=1e-2)
    _, random = leading(f, z, masks, 4, Context(CPU, 0), least=3, most=3)
    assert (exact - S).abs().max() < (exact - random).abs().max() / 5
