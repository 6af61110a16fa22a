"""How the loops of the authors' checkouts are run by tests/performance/originals.py. No line of theirs is here.

Each function runs one of their loops from a folder on a `Case`: their code is imported from there, their network is ours, which
predicts epsilon at integer steps, their operator is ours, and what they draw from torch is what ours drew before, in order.
Packages of theirs that are not installed are stand-ins, which nothing that is compared goes through.
"""

import ast
import importlib.abc
import importlib.machinery
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

import numpy as np
import torch
from torch import Tensor, nn

from methods.images._levels import strided

_NOT_NEEDED = {"torchvision", "matplotlib", "torchmetrics", "motionblur", "cv2", "hdf5storage", "lpips", "wandb", "einops"}
Found = tuple[Tensor, list[tuple[Tensor, Tensor]]]


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what is not needed and not installed: a module in which every name is a mock."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in _NOT_NEEDED else None

    def create_module(self, spec: Any) -> Any:
        return MagicMock(name=spec.name, __path__=[])

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def imports(folder: Path, instead: dict[str, Any] | None = None) -> Iterator[None]:
    """Imports come from `folder` first, or from `instead`; what came from there is forgotten afterwards."""
    before, finder = set(sys.modules), _StandIns()
    sys.path.insert(0, str(folder))
    sys.meta_path.append(finder)
    sys.modules.update(instead or {})
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if not isinstance(file, str) or file.startswith(str(folder)):
                del sys.modules[name]


@contextmanager
def fed(numbers: Sequence[Tensor], wasted: Sequence[str] = ()) -> Iterator[None]:
    """torch.randn and randn_like give these in turn, then zeros; to functions named `wasted`, zeros at once."""
    left = iter(numbers)

    def give(shape: Any) -> Tensor:
        found = None if sys._getframe(2).f_code.co_name in wasted else next(left, None)
        return torch.zeros(*shape) if found is None else found.clone().reshape(*shape)

    def randn(*shape: Any, **how: Any) -> Tensor:
        found = give(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
        return found.requires_grad_(how.get("requires_grad", False))

    def randn_like(x: Tensor, **how: Any) -> Tensor:
        return give(x.shape)

    with patch.object(torch, "randn", randn), patch.object(torch, "randn_like", randn_like):
        yield


class Epsilon(nn.Module):
    """Our prior as their network: epsilon of x_t (B, C, H, W) at integer steps t (B,). learnt: twice the channels, the
    second half -1, by which they mean the posterior's variance.
    """

    def __init__(self, prior: Any, learnt: bool = False) -> None:
        super().__init__()
        self.prior, self.learnt, self.in_channels = prior, learnt, prior.shape[0]

    def forward(self, x: Tensor, t: Tensor, *_: Any) -> Tensor:
        known = self.prior.schedule
        t = torch.as_tensor(t).long().reshape(-1)
        sigma, a = known.sigmas[t].to(x), known.alphas[t].to(x)[:, None, None, None]
        clean = self.prior._denoise(x / a.sqrt(), sigma, None)
        epsilon = (x - a.sqrt() * clean) / (1 - a).sqrt()
        return torch.cat([epsilon, -torch.ones_like(epsilon)], 1) if self.learnt else epsilon


def to_host(self: Tensor, *where: Any, **how: Any) -> Tensor:
    """Tensor.to for code that names CUDA."""
    return self if "cuda" in str(where[:1]) else _TO(self, *where, **how)


_TO = Tensor.to


# --- DCDP and DPS, one code base ------------------------------------------------------------------------------------------


def sampling(case: Any) -> SimpleNamespace:
    """Our operator as theirs."""
    return SimpleNamespace(forward=lambda x, **_: case.p.A(x), __name__="gaussian")


def dcdp(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    noise = 2 * case.problem.noise
    measured = [(case.p.y - case.p.A(case.u)) / noise] if noise else [torch.zeros_like(case.p.y)]
    with imports(folder), fed([*measured, *drawn], wasted=("p_sample",)):
        import dcdp as code

        operator = sampling(case)
        _, kept = code.Diffusion_Purified_CSGM(
            Epsilon(case.prior, learnt=True),
            case.u,
            given["rounds"],
            given["inner"],
            "cpu",
            code.get_conditioning_method("vanilla", operator, operator, scale=0),
            given["start"],
            given["end"],
            operator,
            "ours",
            noise,
            full_ddim=given["version"] == "ddim",
            ddim_num_iterations=given["ddim_steps"],
            purification_schedule=given["schedule"],
            optimizer="SGD",
            momentum=given["momentum"],
            lr=given["step"] * case.p.y.numel() / 2,
            save_every_sub=given["inner"],
            root_path="",
        )
    rounds = [(kept[i], kept[i + 1]) for i in range(1, len(kept), 3)]  # x after one step, x_k, v_k
    return rounds[-1][1 if noise else 0], rounds


def dps(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    with imports(folder), fed(drawn[1:], wasted=("q_sample",)):
        from guided_diffusion.condition_methods import get_conditioning_method
        from guided_diffusion.gaussian_diffusion import create_sampler

        operator = sampling(case)
        sampler = create_sampler(
            "ddpm",
            1000,
            "linear",
            "epsilon",
            "learned_range",
            dynamic_threshold=False,
            clip_denoised=True,
            rescale_timesteps=False,
            timestep_respacing=given["steps"],
        )
        pushed = get_conditioning_method("ps", operator, operator, scale=given["scale"]).conditioning
        x = drawn[0].clone().requires_grad_()
        return sampler.p_sample_loop(Epsilon(case.prior, learnt=True), x, case.p.y, pushed, False, None), []


# --- DiffPIR: a script whose settings are local names --------------------------------------------------------------------


def diffpir(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    p, found = case.p, []
    start = (p.A.adjoint(p.y) + 1) / 2  # where ours starts; theirs has y, which is no picture for all operators
    prepared = {
        "noise_level_img": case.problem.noise,
        "iter_num": given["steps"],
        "lambda_": 4 * given["weight"],
        "zeta": given["zeta"],
        "calc_LPIPS": False,
        "lambdas": [4 * given["weight"]],
    }
    name = folder / "main_ddpir_deblur.py"
    tree = _Settings(prepared).visit(ast.parse(name.read_text()))
    numbers = [drawn[0]]
    for number in drawn[1:]:
        numbers += [torch.zeros_like(number), number]  # of their two draws the first is multiplied by eta = 0
    with imports(folder), fed(numbers, wasted=("p_sample",)), patch.object(torch, "load"):
        code: dict[str, Any] = {"__name__": "original"}
        exec(compile(ast.fix_missing_locations(tree), str(name), "exec"), code)
        from guided_diffusion.script_util import create_gaussian_diffusion

        network = Epsilon(case.prior, learnt=True)
        network.load_state_dict = lambda _: None  # type: ignore[assignment]
        kernel = SimpleNamespace(get_kernel=lambda: torch.ones(3, 3) / 9)
        util = MagicMock(calculate_psnr=lambda *_, **__: 0.0, get_image_paths=lambda _: ["one.png"])
        util.uint2single = lambda _: np.zeros((*case.u.shape[2:], 3))
        util.single2tensor4 = lambda _: start.clone()
        util.tensor2uint = lambda x: found.append(2 * x - 1)

        def nearest(x: Tensor, *rest: Any) -> Tensor:  # their closed form of blurs with wrapped borders; tau is rest[-2]
            return (p.A.prox(2 * x - 1, p.y, float(rest[-2])) + 1) / 2

        code |= {
            "util": util,
            "utils_logger": MagicMock(),
            "ndimage": MagicMock(),
            "GaussialBlurOperator": lambda **_: kernel,
            "create_model_and_diffusion": lambda **_: (network, create_gaussian_diffusion(learn_sigma=True)),
            "sr": SimpleNamespace(pre_calculate=lambda *_: [None] * 4, data_solution=nearest),
        }
        code["main"]()
    return found[0], []


class _Settings(ast.NodeTransformer):
    """Puts values in place of what is assigned to some names, wherever it is; the loop over zeta takes one, once."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def visit_Assign(self, node: ast.Assign) -> Any:
        [target, *_] = node.targets
        if isinstance(target, ast.Name) and target.id in self.values:
            node.value = ast.parse(repr(self.values[target.id]), mode="eval").body
        return node

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and node.target.id == "zeta_i":
            node.iter = ast.parse("[zeta]", mode="eval").body
        return node


# --- DDNM -----------------------------------------------------------------------------------------------------------------


def ddnm(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any], own_operator: bool = False) -> Found:
    p, noise = case.p, 2 * case.problem.noise
    steps = SimpleNamespace(T_sampling=given["steps"], travel_length=1, travel_repeat=1)
    config = SimpleNamespace(diffusion=SimpleNamespace(num_diffusion_timesteps=1000), time_travel=steps)
    betas = torch.linspace(1e-4, 0.02, 1000)
    with imports(folder), fed(drawn[1:]), patch.object(Tensor, "to", to_host):
        from functions.svd_ddnm import ddnm_diffusion, ddnm_plus_diffusion

        A = _inpainting(case) if own_operator else _flat(case, given["threshold"])
        y = A.A((p.A.adjoint(p.y)).flatten(1)) if own_operator else p.y
        how = (drawn[0].clone(), Epsilon(case.prior), betas, given["eta"], A, y)
        [x], _ = ddnm_plus_diffusion(*how, noise, config=config) if noise else ddnm_diffusion(*how, config=config)
    return x, []


def _flat(case: Any, threshold: float) -> Any:
    """Our operator as theirs, of flat pictures, with our lambda and gamma."""
    A, svd = case.p.A, case.p.svd()
    inverse = torch.where(svd.values > threshold, 1 / svd.values, 0)

    def seen(x: Tensor, share: Tensor) -> Tensor:
        return svd.V(share * svd.Vt(x.reshape(-1, *A.shape))).flatten(1)

    def Lambda(x: Tensor, a: Tensor, sigma_y: float, sigma_t: Tensor, eta: float) -> Tensor:
        deviation = a * sigma_y * inverse
        return seen(x, torch.where(deviation > sigma_t, sigma_t / deviation, 1))

    def Lambda_noise(n: Tensor, a: Tensor, sigma_y: float, sigma_t: Tensor, eta: float, e: Tensor) -> Tensor:
        gamma = (sigma_t**2 - (a * sigma_y * inverse) ** 2).clamp_min(0).sqrt()
        return seen(eta * n + (1 - eta**2) ** 0.5 * e, gamma)

    return SimpleNamespace(
        A=lambda x: A(x.reshape(-1, *A.shape)).flatten(1),
        A_pinv=lambda y: A.pinv(y.reshape(-1, *A.data_shape), threshold).flatten(1),
        Lambda=Lambda,
        Lambda_noise=Lambda_noise,
    )


def _inpainting(case: Any) -> Any:
    """Their operator for our mask: entries are counted pixel by pixel, the three colours of one after another."""
    from functions.svd_operators import Inpainting

    missing = (case.p.A(torch.ones(case.u.shape))[0].movedim(0, -1).flatten() == 0).nonzero().flatten()
    return Inpainting(case.u.shape[1], case.u.shape[2], missing, torch.device("cpu"))


# --- SITCOM: a script that is run whole -----------------------------------------------------------------------------------


def sitcom(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    """Its answer here is the last picture. Theirs is the one of all times that is nearest to the truth."""
    p, network = case.p, Epsilon(case.prior)
    script = "SITCOM_with_noise.py" if case.problem.noise else "SITCOM.py"
    zero = torch.zeros_like(drawn[0])
    numbers = [zero, drawn[0]]  # x_T of two draws, the first times sqrt(alpha-bar_T) = 0.006
    for number in [*drawn[1:], zero]:
        numbers += [zero, number]  # the first of two draws is overwritten
    operator = SimpleNamespace(forward=lambda x, **_: p.A(x))
    pictures = [(case.u + 1) / 2 if case.problem.noise else case.u]
    stand_ins = {
        "guided_diffusion": MagicMock(__path__=[]),
        "guided_diffusion.condition_methods": MagicMock(),
        "guided_diffusion.measurements": MagicMock(get_operator=lambda **_: operator, get_noise=lambda **_: lambda _: p.y),
        "guided_diffusion.unet": MagicMock(create_model=lambda **_: network),
        "guided_diffusion.gaussian_diffusion": MagicMock(),
        "guided_diffusion.gaussian_diffusion_correct": MagicMock(),
        "data": MagicMock(__path__=[]),
        "data.dataloader": MagicMock(get_dataloader=lambda *_, **__: pictures),
        "util": MagicMock(__path__=[]),
        "util.img_utils": MagicMock(),
        "util.logger": MagicMock(),
        "common_utils": ModuleType("common_utils"),
    }
    settings = {
        "measurement": {"operator": {"name": "ours", "in_shape": [1, *case.u.shape[1:]]}, "noise": {"name": "gaussian"}},
        "conditioning": {"method": "ps", "params": {"scale": 0.0}},
        "data": {},
    }
    asked = {"model_config": os.devnull, "diffusion_config": os.devnull, "task_config": os.devnull}
    asked |= {"learning_rate": given["lr"], "num_steps": given["inner"], "n_step": given["steps"]}
    arguments = [script, *(word for name, value in asked.items() for word in (f"--{name}", str(value)))]
    if case.problem.noise:
        arguments += ["--noiselevel", str(2 * case.problem.noise)]
    with ExitStack() as stack:
        for one in (
            imports(folder, stand_ins),
            fed(numbers, wasted=("optimize_input",)),
            patch.object(sys, "argv", arguments),
            patch("yaml.load", lambda *_, **__: settings),
        ):
            stack.enter_context(one)
        found = runpy.run_path(str(folder / script), run_name="__main__")
    return found["pred_original_sample"], []


# --- ReSample, with the identity in place of its autoencoder --------------------------------------------------------------


def resample(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any], mended: bool = True) -> Found:
    """mended: x_0 by the formula, the index of a time step by its time, least squares to our deviation, and our steps, the
    last of which goes to noise 0.
    """
    p = case.p
    known = case.prior.schedule
    network = Epsilon(case.prior)
    alphas = known.alphas.float()
    goal = max(p.noise, 1e-3) if mended else 1e-3
    with imports(folder), fed(drawn, wasted=("<lambda>",)), patch.object(Tensor, "to", to_host):
        import ldm.models.diffusion.ddim as code
        from ldm_inverse.condition_methods import get_conditioning_method

        if mended:
            indices, levels = strided(len(known), given["steps"]), code.make_ddim_sampling_parameters
            code.make_ddim_timesteps = lambda **_: np.array(indices[::-1])

            def to_the_end(**how: Any) -> Any:
                sigmas, now, then = levels(**how)
                return sigmas, now, np.array([1.0, *then[1:]])

            code.make_ddim_sampling_parameters = to_the_end

        class Mended(code.DDIMSampler):  # type: ignore[misc, name-defined]
            def p_sample_ddim(self, x: Tensor, c: Any, t: Tensor, index: int, **how: Any) -> Any:
                if not mended:
                    return super().p_sample_ddim(x, c, t, index, **how)
                index = int((torch.as_tensor(self.ddim_timesteps.copy()) == t).nonzero())
                after, clean, _ = super().p_sample_ddim(x, c, t, index, **how)
                return after, clean, clean

            def pixel_optimization(self, *args: Any, **how: Any) -> Any:
                return super().pixel_optimization(*args, eps=goal, max_iters=given["middle_steps"], **how)

            def latent_optimization(self, *args: Any, **how: Any) -> Any:
                return super().latent_optimization(*args, eps=goal, max_iters=given["late_steps"], **how)

        model = SimpleNamespace(
            num_timesteps=len(known),
            device="cpu",
            betas=torch.linspace(1e-4, 0.02, len(known)),
            alphas_cumprod=alphas,
            alphas_cumprod_prev=torch.cat([torch.ones(1), alphas[:-1]]),
            apply_model=lambda x, t, c: network(x, t),
            decode_first_stage=lambda z: z,
            encode_first_stage=lambda x: x,
            differentiable_decode_first_stage=lambda z: z,
        )
        operator = sampling(case)
        pushed = get_conditioning_method("ps", model, operator, operator).conditioning
        answer, _ = Mended(model).posterior_sampler(p.y, pushed, p.A, given["steps"], 1, case.u.shape[1:], verbose=False)
    return answer.detach(), []
