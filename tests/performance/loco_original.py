"""LOCO Edit beside its authors' code: directions on the same network and x_t, and seconds of an edit.

    python tests/performance/loco_original.py --clone loco=FOLDER [--prior faces64] [--pictures 2] [--t 0.6] [--time]

FOLDER is a checkout of ChicyChen/LOCO-Edit. Its class EditUncondDiffusion runs as it is, from inversion to the pictures; its
network is a shipped prior, which predicts epsilon at real-valued steps as theirs does, its data are ours: the mouth of faces,
64 x 64, or the middle of a sample of photographs, 32 x 32.
Packages of theirs that are not installed are stand-ins; attention is written out, for fused attention has no forward-mode
derivative. x_t is what their inversion gives.

A row: |cos| of their and our first direction inside the region; the smallest cosine of the angles between both spans of 5
inside, and outside; |cos| of the first directions after projection; the largest relative difference of singular values; rounds
of the power method of both. --time: CPU seconds of one edit of both, one region, strengths -8, 0, 8, 100 steps.

Found, photographs of 32 x 32 at t 0.4, one picture: 0.99999, 0.99902, 0.96885 (the fifth outside has nearly a twin), 0.99967,
4.5e-3, 100 rounds of theirs and 28 of ours.
What differs, and why: theirs compares entries of V, which turn their signs, and goes on for all 50 rounds, twice; ours compares
|<v, v_before>|. They invert to t 1 and come down to t, with the network at real-valued steps and alpha-bar at their floor; here
inversion ends at t, on steps of the schedule. Their last fifth of the steps has fresh noise; ours has none. Forward-mode
products are central differences here.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmark import Editing
from benchmark.context import Context
from benchmark.datasets import faces
from benchmark.editing import attributes
from benchmark.priors import shipped
from methods.editing import _power
from methods.editing._edit import without
from methods.editing._flow import Flow
from methods.editing._power import leading
from methods.editing.loco_edit import loco_edit
from tests.performance.original_loops import imports, to_host

INSIDE, OUTSIDE = 5, 5


class WrittenOut:
    """Attention of diffusers without a fused kernel: (B, C, H, W) to the same."""

    def __call__(
        self, attn: Any, x: Tensor, encoder_hidden_states: None = None, attention_mask: None = None, temb: Tensor | None = None
    ) -> Tensor:
        flat = attn.group_norm(x.flatten(2)).transpose(1, 2)  # (B, H W, C)
        q, k, v = (part(flat).unflatten(2, (attn.heads, -1)).transpose(1, 2) for part in (attn.to_q, attn.to_k, attn.to_v))
        found = (q @ k.mT * attn.scale).softmax(-1) @ v
        found = attn.to_out[0](found.transpose(1, 2).flatten(2)).transpose(1, 2).contiguous().reshape(x.shape)
        whole: Tensor = (found + x if attn.residual_connection else found) / attn.rescale_output_factor
        return whole


class Epsilon(nn.Module):
    """The prior as their network: epsilon of x_t (B, C, H, W) at a real-valued step t; alpha-bar is read at its floor."""

    def __init__(self, prior: Any) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        a = self.prior.schedule.alphas[int(t)].to(x)
        v = self.prior.raw(x, torch.as_tensor(t, dtype=x.dtype).reshape(1), None)
        epsilon: Tensor = a.sqrt() * v + (1 - a).sqrt() * x
        return epsilon


class Faces:
    """Their dataset: one picture, one region."""

    def __init__(self, problem: Editing) -> None:
        self.problem = problem

    def __getitem__(self, _: int) -> Tensor:
        return 2 * self.problem.pictures[:1] - 1

    def getmask(self, **_: Any) -> Tensor:
        return self.problem.regions[0, 0].expand(3, -1, -1)


def posed(name: str, number: int) -> Editing:
    """One picture and one region; the prior's attention written out."""
    side = 64 if name == "faces64" else 32
    prior = shipped.prior(name, (3, side, side), None)
    for part in prior.network.modules():  # type: ignore[attr-defined]
        if type(part).__name__ == "Attention":
            part.set_processor(WrittenOut())
    if name == "faces64":
        made = faces.drawn("tune", number, 1, side)
        pictures, region = made.pictures, attributes.mask(made.labels, "mouth")[:, None]
    else:
        pictures, region = prior.sample(1, torch.Generator().manual_seed(number)), torch.zeros(1, 1, side, side).bool()
        region[..., 8:24, 8:24] = True
    return Editing(prior=prior, pictures=pictures, regions=region, strengths=(-8.0, 0.0, 8.0))


@contextmanager
def theirs(folder: Path, problem: Editing, t: float, into: str) -> Iterator[Any]:
    """Their object, ready to edit."""
    einops = ModuleType("einops")
    einops.__getattr__ = lambda name: None  # type: ignore[method-assign]
    einops.einsum = lambda *parts: torch.einsum(parts[-1], *parts[:-1])  # type: ignore[attr-defined]
    host = {"device": "cpu", "pca_device": "cpu", "buffer_device": "cpu", "dtype": torch.float32, "memory_bound": 50, "seed": 0}
    steps = {"for_steps": 100, "inv_steps": 100, "use_yh_custom_scheduler": True, "noise_schedule": None, "edit_t": t}
    step = {"use_x_space_guidance": True, "x_space_guidance_edit_step": 1, "x_space_guidance_scale": 0.5}
    data = {
        "dataset_name": "CelebA_HQ_mask",
        "sample_idx": 0,
        "choose_sem": "r",
        "mask_type": "",
        "image_size": problem.prior.shape[1],
    }
    paths = {"result_folder": into, "obs_folder": into, "vT_path": "", "vT1_path": ""}
    more = {"model_name": "ours", "save_result_as": "image", "performance_boosting_t": 0.2, "x_space_guidance_num_step": 16}
    with imports(folder / "src", {"einops": einops}), patch.object(Tensor, "to", to_host):
        from modules import edit

        edit.get_custom_diffusion_model = lambda _: Epsilon(problem.prior)
        edit.get_dataset = lambda _: Faces(problem)
        yield edit.EditUncondDiffusion(SimpleNamespace(**host, **steps, **step, **data, **paths, **more))


def angles(one: Tensor, other: Tensor) -> float:
    """The smallest cosine of the angles between two spans of orthonormal rows."""
    return float(torch.linalg.svdvals(one @ other.mT).min())


def compare(folder: Path, problem: Editing, t: float) -> str:
    """The row's numbers."""
    said = StringIO()
    with (
        TemporaryDirectory() as into,
        redirect_stdout(said),
        redirect_stderr(StringIO()),
        theirs(folder, problem, t, into) as code,
    ):
        torch.manual_seed(0)
        x_t, index, _ = code.DDIMforwardsteps(code.run_DDIMinversion(0), t_start_idx=0, t_end_idx=code.edit_t_idx)
        how = {"min_iter": 10, "max_iter": 50, "convergence_threshold": 1e-4}
        mask = code.dataset.getmask()
        _, s_in, V_in = code.local_encoder_decoder_pullback_xt(x=x_t, t=index, pca_rank=INSIDE, mask=mask, **how)
        _, s_out, V_out = code.local_encoder_decoder_pullback_xt(x=x_t, t=index, pca_rank=OUTSIDE, mask=~mask, **how)
    rounds = said.getvalue().count("power method :")
    flow = Flow(problem, t, 100)
    last = int(index)
    flow.sigma, root = float(problem.prior.schedule.sigmas[last]), float(problem.prior.schedule.alphas[last]) ** 0.5
    calls = Rounds()
    with patch.object(_power, "_gradients", calls.counted(_power._gradients)):
        region = problem.regions[0]
        ours_in, mine_in = leading(flow.at(), x_t[0] / root, region, INSIDE, Context(torch.device("cpu"), 0))
        ours_out, mine_out = leading(flow.at(), x_t[0] / root, ~region, OUTSIDE, Context(torch.device("cpu"), 0))
    V = V_in - (V_in @ V_out.mT) @ V_out
    v = without(ours_in, ours_out).flatten(2)[0, 0]
    values = [(mine_in[0] / root / s_in - 1).abs().max(), (mine_out[0] / root / s_out - 1).abs().max()]
    return (
        f"{float((V_in[0] @ ours_in.flatten(2)[0, 0]).abs()):9.5f}"
        f"{angles(V_in, ours_in.flatten(2)[0]):9.5f}{angles(V_out, ours_out.flatten(2)[0]):9.5f}"
        f"{float((V[0] @ v).abs() / V[0].norm() / v.norm()):9.5f}{float(max(values)):9.1e}{rounds:7}{calls.count:7}"
    )


class Rounds:
    """How often a function is called."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, function: Any) -> Any:
        def found(*given: Any) -> Any:
            self.count += 1
            return function(*given)

        return found


def timed(folder: Path, problem: Editing, t: float) -> str:
    """Seconds of one edit, theirs and ours."""
    quiet = StringIO()
    with TemporaryDirectory() as into, redirect_stdout(quiet), redirect_stderr(quiet), theirs(folder, problem, t, into) as code:
        start = time.process_time()
        code.run_edit_null_space_projection(0, vis_num=1, vis_num_pc=1, pca_rank=INSIDE, pca_rank_null=OUTSIDE)
        his = time.process_time() - start
    problem.prior.calls.forward = problem.prior.calls.backward = 0
    start = time.process_time()
    loco_edit(problem, Context(torch.device("cpu"), 0), {"t": t, "steps": 100, "count": INSIDE, "outside": OUTSIDE})
    mine = time.process_time() - start
    calls = problem.prior.calls
    return f"{his:9.1f} s theirs {mine:9.1f} s ours, {calls.forward} calls, {calls.backward} gradients"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clone", required=True, metavar="loco=FOLDER", help="a checkout, see above")
    parser.add_argument("--prior", choices=("faces64", "photographs32"), default="faces64")
    parser.add_argument("--pictures", type=int, default=2)
    parser.add_argument("--t", type=float, default=0.6)
    parser.add_argument("--time", action="store_true")
    asked = parser.parse_args()
    name, _, folder = asked.clone.partition("=")
    if name != "loco" or not (Path(folder) / "src/modules/edit.py").is_file():
        parser.error(f"--clone {asked.clone}: loco=FOLDER, a checkout of ChicyChen/LOCO-Edit")
    torch.set_num_threads(1)
    print(f"{'':12}{'first':>9}{'inside':>9}{'outside':>9}{'taken':>9}{'values':>9}{'theirs':>7}{'ours':>7}")
    for number in range(asked.pictures):
        problem = posed(asked.prior, number)
        print(f"picture {number:<4}" + compare(Path(folder), problem, asked.t), flush=True)
        if asked.time:
            print(f"{'':12}" + timed(Path(folder), problem, asked.t), flush=True)


if __name__ == "__main__":
    main()
