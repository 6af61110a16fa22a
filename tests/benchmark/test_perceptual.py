import subprocess
import sys

import pytest
import torch
from skimage import data
from torch.nn import functional as F

from benchmark.metrics import lpips_squeeze_caffe, perceptual

# Measured on one core. Another kernel changes the last digits: 1e-3 is far below any difference of interest.
GOLDEN = {
    "noise .02": 0.0288,
    "noise .05": 0.1303,
    "noise .1": 0.2868,
    "noise .2": 0.5022,
    "blur 3": 0.0749,
    "blur 5": 0.1639,
    "blur 9": 0.2961,
    "brightness +.1": 0.0102,
}


@pytest.fixture(scope="module")
def photograph():
    image = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(image, size=(128, 160), mode="bilinear", antialias=True).clamp(0, 1)


@pytest.fixture(scope="module")
def changed(photograph):
    noise = torch.randn(photograph.shape, generator=torch.Generator().manual_seed(0))
    images = {f"noise {sd:g}".replace("0.", "."): photograph + sd * noise for sd in (0.02, 0.05, 0.1, 0.2)}
    for side in (3, 5, 9):
        images[f"blur {side}"] = F.avg_pool2d(F.pad(photograph, (side // 2,) * 4, mode="reflect"), side, 1)
    images["brightness +.1"] = photograph + 0.1
    return {name: image.clamp(0, 1) for name, image in images.items()}


@pytest.fixture(scope="module")
def values(photograph, changed):
    images = torch.cat(list(changed.values()))
    return dict(zip(changed, lpips_squeeze_caffe(images, photograph.expand_as(images)).tolist(), strict=True))


def test_equal_images_are_at_zero(photograph):
    both = torch.cat([photograph, torch.zeros_like(photograph)])  # black has no direction to normalise
    assert lpips_squeeze_caffe(both, both).tolist() == [0, 0]


def test_a_batch_is_its_images_one_by_one_in_either_order(photograph, changed, values):
    for name, image in changed.items():
        alone = lpips_squeeze_caffe(photograph, image)
        assert alone.shape == (1,)
        assert alone.dtype == torch.float32
        assert alone.item() == pytest.approx(values[name], abs=1e-5)


def test_it_grows_with_noise_and_blur_and_hardly_sees_brightness(values):
    noise = [values[f"noise {sd}"] for sd in (".02", ".05", ".1", ".2")]
    blur = [values[f"blur {side}"] for side in (3, 5, 9)]
    assert noise == sorted(noise)
    assert blur == sorted(blur)
    assert values["brightness +.1"] < 0.02 < min(noise) < 0.2 < max(noise)


def test_values_stay(values):
    assert values == pytest.approx(GOLDEN, abs=1e-3)


def test_colours_are_red_green_blue(photograph, changed, values):
    swapped = lpips_squeeze_caffe(photograph.flip(1), changed["noise .1"].flip(1)).item()
    assert abs(swapped - values["noise .1"]) > 1e-3


def test_no_gradient(photograph):
    x = photograph.clone().requires_grad_()
    assert not lpips_squeeze_caffe(x, photograph).requires_grad


def test_the_smallest_image():
    x, y = torch.rand(2, 3, 17, 40, generator=torch.Generator().manual_seed(0)).chunk(2)
    assert lpips_squeeze_caffe(x, y).item() > 0
    with pytest.raises(ValueError, match="at least 17 x 17 pixels, not 16 x 40"):
        lpips_squeeze_caffe(x[:, :, 1:], y[:, :, 1:])


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 32, 32, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"must be \(B, 3, H, W\)"):
        lpips_squeeze_caffe(torch.zeros(shape), torch.zeros(shape))


def test_two_shapes_are_refused():
    with pytest.raises(ValueError, match="must have one shape"):
        lpips_squeeze_caffe(torch.zeros(2, 3, 32, 32), torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("value", [-0.01, 1.01, 255.0, float("nan")])
def test_values_outside_the_range_are_refused(value):
    image = torch.zeros(1, 3, 32, 32)
    wrong = image.clone()
    wrong[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match=r"y must lie in \[0, 1\]"):
        lpips_squeeze_caffe(image, wrong)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float64, torch.float16])
def test_another_type_is_refused(dtype):
    image = torch.zeros(1, 3, 32, 32)
    with pytest.raises(TypeError, match="x must be float32"):
        lpips_squeeze_caffe(image.to(dtype), image)


def test_the_file_is_read_once_and_not_on_import(photograph, monkeypatch):
    code = "import benchmark.metrics.perceptual as p; import sys; sys.exit(p._weights.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    perceptual._weights.cache_clear()
    reads = []
    monkeypatch.setattr(perceptual, "load_file", lambda *a, load=perceptual.load_file, **k: reads.append(a) or load(*a, **k))
    for _ in range(2):
        lpips_squeeze_caffe(photograph, photograph)
    assert len(reads) == 1
