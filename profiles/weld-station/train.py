"""Train the weld station's defect detector on the synthetic feed, export it to ONNX, write its training record.

    python profiles/weld-station/train.py --out DIR

needs the extras `cpu` and `train`, one core, 3 GB of memory and about a quarter of an hour.
"""

import argparse
import hashlib
import json
import platform
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilrig.feed.synthetic import LABELS, SyntheticFeed, SyntheticOptions

NAMES: tuple[str, ...] = LABELS
N_LABELS = len(NAMES)
EDGE_PX = 512
CELL_PX = 16
N_CELLS = EDGE_PX // CELL_PX
OPSET = 17  # read by onnxruntime 1.13 and later: JetPack 5 and 6

TRAINING = (
    SyntheticOptions(seed=1001, defect_ratio=0.75, illumination_drift=0.2, motion_blur_px=1, sensor_noise=0.006),
    SyntheticOptions(seed=1002, defect_ratio=0.75, illumination_drift=0.2, motion_blur_px=2, sensor_noise=0.012),
    SyntheticOptions(seed=1003, defect_ratio=0.75, illumination_drift=0.2, motion_blur_px=3, sensor_noise=0.02),
)
VALIDATION = (SyntheticOptions(seed=2001, defect_ratio=0.6),)
GOLDEN = (SyntheticOptions(seed=3001, defect_ratio=0.6),)
"""Three series of parts that share no frame: to learn from, to choose thresholds on, to be judged by."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides the outcome, besides the frames."""

    seed: int = 17
    training_frames: int = 2400
    validation_frames: int = 400
    golden_frames: int = 320
    epochs: int = 8
    batch: int = 16
    peak_learning_rate: float = 3e-3
    weight_decay: float = 0.02
    cell_weight: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames in memory, with their truth for each of the labels.

    Args:
        pixels: n x 512 x 512 x 3, BGR.
        truth: n x 4, 1.0 where the frame has the defect.
        cells: n x 4 x 32 x 32, 1.0 in the 16-pixel cells that a defect's box touches.
    """

    pixels: NDArray[np.uint8]
    truth: NDArray[np.float32]
    cells: NDArray[np.float32]

    def sha256(self) -> str:
        """Return the digest over the pixels of all frames in order."""
        return hashlib.sha256(self.pixels.data).hexdigest()


def generate(series: Sequence[SyntheticOptions], n_frames: int) -> Frames:
    """Return `n_frames` frames, from each of the series in turn."""
    feeds = [SyntheticFeed(options, Path()) for options in series]
    pixels = np.empty((n_frames, EDGE_PX, EDGE_PX, 3), np.uint8)
    cells = np.zeros((n_frames, N_LABELS, N_CELLS, N_CELLS), np.float32)
    for frame in range(n_frames):
        for defect in feeds[frame % len(feeds)].fill(frame, pixels[frame]).defects:
            rows = slice(defect.y0_px // CELL_PX, -(-defect.y1_px // CELL_PX))
            columns = slice(defect.x0_px // CELL_PX, -(-defect.x1_px // CELL_PX))
            cells[frame, NAMES.index(defect.label), rows, columns] = 1.0
    return Frames(pixels=pixels, truth=cells.max((2, 3)), cells=cells)


def conv(n_in: int, n_out: int, stride: int) -> nn.Sequential:
    """Return a 3 x 3 convolution, normalised and rectified."""
    layer = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


def separable(n_in: int, n_out: int) -> nn.Sequential:
    """Return a 3 x 3 convolution within, then a 1 x 1 convolution across the channels."""
    depthwise = nn.Conv2d(n_in, n_in, 3, 1, 1, groups=n_in, bias=False)
    pointwise = nn.Conv2d(n_in, n_out, 1, bias=False)
    return nn.Sequential(
        depthwise,
        nn.BatchNorm2d(n_in),
        nn.ReLU(inplace=True),
        pointwise,
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


class WeldNet(nn.Module):
    """Image to a map of logits, one for each label and 16-pixel cell; the strongest cell speaks for the image."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 16, 2),
            conv(16, 24, 2),
            conv(24, 24, 1),
            conv(24, 48, 2),
            conv(48, 48, 1),
            conv(48, 64, 2),
            conv(64, 64, 1),
            separable(64, 96),
        )
        self.cells = nn.Conv2d(96, N_LABELS, 1)
        self.gain = nn.Parameter(torch.ones(N_LABELS))
        self.offset = nn.Parameter(torch.zeros(N_LABELS))

    def look(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the n x 4 logits of the images, and the n x 4 x 32 x 32 logits of their cells."""
        cells: Tensor = self.cells(self.features(image))
        return cells.amax((2, 3)) * self.gain + self.offset, cells

    def forward(self, image: Tensor) -> Tensor:
        """Return n x 4 logits of n x 3 x 512 x 512 RGB in [0, 1]."""
        return self.look(image)[0]


def to_image(pixels: NDArray[np.uint8]) -> Tensor:
    """Return n x 3 x 512 x 512 RGB in [0, 1]: what the profile's preprocess block says."""
    return torch.from_numpy(pixels).flip(-1).permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)


def augmented(image: Tensor, cells: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the batch mirrored and lit at random: a weld has no left or right, the lamp ages."""
    mirrored = [axis for axis in (2, 3) if random.random() < 0.5]  # noqa: PLR2004 - a fair coin
    gain = torch.from_numpy(random.uniform(0.85, 1.15, (len(image), 1, 1, 1)).astype(np.float32))
    lit = (image.flip(mirrored) * gain).clamp(0, 1)
    return lit.contiguous(memory_format=torch.channels_last), cells.flip(mirrored)


def batches(n_frames: int, size: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the frame numbers of each full batch of one epoch."""
    order = random.permutation(n_frames)
    for start in range(0, n_frames - size + 1, size):
        yield np.sort(order[start : start + size])


def fit(recipe: Recipe, training: Frames, validation: Frames) -> tuple[WeldNet, list[dict[str, float]]]:
    """Return the trained network, and losses and seconds of every epoch."""
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    net = WeldNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload] # missing in torch's stub
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=recipe.weight_decay)
    n_steps = recipe.epochs * (len(training.pixels) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.peak_learning_rate, total_steps=n_steps)
    curve = []
    for epoch in range(1, recipe.epochs + 1):
        start_s = time.monotonic()
        losses = []
        for chosen in batches(len(training.pixels), recipe.batch, random):
            image, cells = to_image(training.pixels[chosen]), torch.from_numpy(training.cells[chosen])
            truth = torch.from_numpy(training.truth[chosen])
            batch = augmented(image, cells, random)
            losses.append(step(net, optimizer, batch, truth, recipe.cell_weight))
            schedule.step()
        validation_loss = evaluate(net, validation)
        point = {
            "epoch": epoch,
            "training_loss": round(sum(losses) / len(losses), 5),
            "validation_loss": round(validation_loss, 5),
            "time_s": round(time.monotonic() - start_s, 1),
        }
        print(" ".join(f"{name}={value}" for name, value in point.items()), flush=True)
        curve.append(point)
    return net.eval(), curve


def step(
    net: WeldNet,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    truth: Tensor,
    cell_weight: float,
) -> float:
    """Learn from one batch of images and their cells; return the loss over the images."""
    image, cells = batch
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        logits, cell_logits = net.look(image)
    loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), truth)
    cell_loss = nn.functional.binary_cross_entropy_with_logits(
        cell_logits.float(), cells, pos_weight=torch.tensor(cell_weight)
    )
    optimizer.zero_grad()
    (loss + cell_loss).backward()  # type: ignore[no-untyped-call] # untyped in torch
    optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def evaluate(net: WeldNet, frames: Frames, size: int = 16) -> float:
    """Return the mean loss over `frames` in float32."""
    net.eval()
    total = 0.0
    for start in range(0, len(frames.pixels), size):
        part = slice(start, start + size)
        truth = torch.from_numpy(frames.truth[part])
        logits = net(to_image(frames.pixels[part]))
        total += float(nn.functional.binary_cross_entropy_with_logits(logits, truth)) * len(truth)
    return total / len(frames.pixels)


def export(net: WeldNet, path: Path) -> None:
    """Write the network with its sigmoid as one ONNX file, all weights inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter can't write opset 17
        torch.onnx.export(
            nn.Sequential(net, nn.Sigmoid()).eval(),
            (torch.zeros(1, 3, EDGE_PX, EDGE_PX),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["scores"],
        )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Return the exported model, ready to run on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def score(session: onnxruntime.InferenceSession, frames: Frames) -> tuple[NDArray[np.float32], float]:
    """Return the n x 4 scores of `frames`, and the median time of one inference in milliseconds."""
    scores = np.empty((len(frames.pixels), N_LABELS), np.float32)
    spent_ms = []
    for index in range(len(frames.pixels)):
        image = to_image(frames.pixels[index : index + 1]).contiguous().numpy()
        start_ns = time.perf_counter_ns()
        scores[index] = session.run(["scores"], {"image": image})[0][0]
        spent_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return scores, float(np.median(spent_ms))


def choose_thresholds(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> dict[str, float]:
    """Return for every label the middle of the thresholds with the best F1, to two digits."""
    grid = np.arange(0.05, 0.96, 0.01)
    chosen: dict[str, float] = {}
    for column, label in enumerate(NAMES):
        found = scores[:, column, None] >= grid
        real = truth[:, column, None] > 0
        hits = (found & real).sum(0)
        f1 = 2 * hits / (found.sum(0) + real.sum())
        chosen[label] = round(float(np.median(grid[f1 == f1.max()])), 2)
    return chosen


def quality(
    scores: NDArray[np.float32], truth: NDArray[np.float32], thresholds: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Return counts, precision and recall for every label."""
    table: dict[str, dict[str, float]] = {}
    for column, label in enumerate(NAMES):
        found, real = scores[:, column] >= thresholds[label], truth[:, column] > 0
        hits = int((found & real).sum())
        table[label] = {
            "true_positive": hits,
            "false_positive": int((found & ~real).sum()),
            "false_negative": int((~found & real).sum()),
            "precision": round(hits / max(int(found.sum()), 1), 4),
            "recall": round(hits / max(int(real.sum()), 1), 4),
        }
        print(f"{label}: {table[label]}", flush=True)
    return table


def train(recipe: Recipe, out: Path) -> dict[str, Any]:
    """Write model.onnx to `out`; return the training record."""
    start_s = time.monotonic()
    print("generating frames", flush=True)
    training = generate(TRAINING, recipe.training_frames)
    validation = generate(VALIDATION, recipe.validation_frames)
    golden = generate(GOLDEN, recipe.golden_frames)
    print(f"{time.monotonic() - start_s:.0f} s; training", flush=True)
    net, curve = fit(recipe, training, validation)
    path = out / "model.onnx"
    export(net, path)
    session = open_session(path)
    thresholds = choose_thresholds(score(session, validation)[0], validation.truth)
    golden_scores, inference_p50_ms = score(session, golden)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "recipe": asdict(recipe),
        "feeds": {
            name: [asdict(options) for options in series]
            for name, series in (("training", TRAINING), ("validation", VALIDATION), ("golden", GOLDEN))
        },
        "golden_sha256": golden.sha256(),
        "curve": curve,
        "thresholds": thresholds,
        "golden": quality(golden_scores, golden.truth, thresholds),
        "inference_p50_ms": round(inference_p50_ms, 2),
        "n_parameters": sum(weights.numel() for weights in net.parameters()),
        "model_sha256": digest,
        "bundle_sha256": hashlib.sha256(f"{digest}  model.onnx\n".encode()).hexdigest(),
        "time_s": round(time.monotonic() - start_s),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return what the model was made with."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def main() -> None:
    """Train as the command line says, write model.onnx and training-record.json."""
    parser = argparse.ArgumentParser(description="Train the weld station's defect detector.")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and training-record.json")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs, help="passes over the training frames")
    parser.add_argument("--frames", type=int, default=Recipe.training_frames, help="number of training frames")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    record = train(Recipe(epochs=arguments.epochs, training_frames=arguments.frames), arguments.out)
    text = json.dumps(record, indent=2) + "\n"
    (arguments.out / "training-record.json").write_text(text, encoding="utf-8")
    print(f"wrote {arguments.out}: bundle_sha256 {record['bundle_sha256']}", flush=True)


if __name__ == "__main__":
    main()
