from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synth_ops.model import TrainingConfig
from synth_ops.model.gradient import BatchGradient
from synth_ops.model.trainable import Trainable

CPU = torch.device("cpu")


class Line(Trainable):
    """A line through the first column, and noise beside it."""

    def __init__(self, noisy: float = 0.0) -> None:
        super().__init__()
        self.slope, self.unused, self.noisy = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1)), noisy

    def parts(self) -> Mapping[str, list[nn.Parameter]]:
        return {"fit": [self.slope, self.unused]}

    def part_loss(self, part: str, codes: Tensor, noise: torch.Generator, config: TrainingConfig) -> Tensor:
        shaken = codes[:, 0].float() + self.noisy * torch.randn(len(codes), generator=noise)
        return (self.slope * shaken).square().mean()


def gradient_of(line: Line, codes: Tensor, seed: int = 0) -> tuple[float, float]:
    with BatchGradient(line, TrainingConfig(), CPU, len(codes)) as gradient:
        gradient.seed(seed)
        loss = gradient.step("fit", codes, line.parts()["fit"])
    assert line.slope.grad is not None
    return float(loss), float(line.slope.grad)


def test_two_shards_give_the_gradient_of_the_whole_batch() -> None:
    codes = torch.arange(301)[:, None]
    expected = codes.float().square().mean()

    loss, slope = gradient_of(Line(), codes)

    torch.testing.assert_close(torch.tensor([loss, slope]), torch.stack([expected, 2 * expected]))


def test_one_thread_gives_the_same_gradient_as_two() -> None:
    codes, found = torch.arange(300)[:, None], []
    before = torch.get_num_threads()
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        found.append(gradient_of(Line(noisy=1.0), codes))
    torch.set_num_threads(before)

    assert found[0] == found[1]


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    gradient_of(Line(), torch.arange(300)[:, None])

    assert torch.get_num_threads() == before


def test_a_parameter_that_has_no_part_in_the_loss_gets_no_gradient() -> None:
    line = Line()
    gradient_of(line, torch.arange(300)[:, None])

    assert line.unused.grad is None


def test_the_seed_decides_the_noise_of_every_shard() -> None:
    codes = torch.arange(300)[:, None]
    first, again, other = (gradient_of(Line(noisy=1.0), codes, seed) for seed in (0, 0, 1))

    assert first == again != other


def test_shards_do_not_share_their_noise() -> None:
    with BatchGradient(Line(), TrainingConfig(), CPU, 512) as gradient:
        gradient.seed(0)
        first, second = (torch.randn(4, generator=noise) for noise in gradient.noises)

    assert not torch.equal(first, second)


def test_a_small_batch_is_one_shard() -> None:
    with BatchGradient(Line(), TrainingConfig(), CPU, 32) as gradient:
        assert len(gradient.noises) == 1
