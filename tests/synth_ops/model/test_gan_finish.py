import copy

import pytest
import torch

from synth_ops.model.gan_finish import AdversarialFinish
from synth_ops.model.gan_generator import Generator
from synth_ops.model.marginals import count_codes
from synth_ops.model.training import train
from tests.synth_ops.model.toys import LAYOUT, SMALL, rows

COURSE = SMALL.model_copy(update={"learning_rate": 5e-4, "max_row_visits": 3_200, "ema": 0.95})


def untaught() -> tuple[Generator, torch.Tensor]:
    codes = torch.from_numpy(rows(2_000)).long()
    torch.manual_seed(0)
    generator = Generator(LAYOUT, count_codes(codes, LAYOUT), 0, SMALL.network)
    generator.start(codes)
    return generator, codes


def test_the_critic_alone_corrects_what_the_generator_has_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its anchor, a generator that gives one code too often learns of it from the critic only."""
    monkeypatch.setattr("synth_ops.model.gan_finish._ANCHOR", 0.0)
    generator, codes = untaught()
    with torch.no_grad():
        generator.out.bias[generator.heads.own(0)[1]] += 1.5
    finish, noise = AdversarialFinish(generator, 0), torch.Generator().manual_seed(0)
    steps = {"critic": (3, torch.optim.Adam(finish.critic.parameters(), 2e-3, betas=(0.5, 0.9)))}
    steps["generator"] = (1, torch.optim.Adam([generator.out.bias], 1e-2, betas=(0.5, 0.9)))

    before = share_of_ones(generator)
    for step in range(60):
        for part, (n_steps, optimizer) in steps.items():
            for _ in range(n_steps):
                optimizer.zero_grad()
                finish.part_loss(part, codes[step % 20 * 64 :][:64], noise, COURSE).backward()
                optimizer.step()

    assert before > 0.75
    assert abs(share_of_ones(generator) - 0.5) < 0.6 * (before - 0.5)


def share_of_ones(generator: Generator) -> float:
    """Give how often the first column is 1; it is for half of the real rows."""
    codes = torch.zeros(4_000, 4, dtype=torch.long)
    filled = generator.fill(codes, codes > 0, torch.Generator().manual_seed(1))
    return float((filled[:, 0] == 1).float().mean())


def test_the_best_of_the_held_out_judge_is_kept() -> None:
    generator, codes = untaught()
    finish = AdversarialFinish(generator, 0)

    ended = train(finish, codes, COURSE)

    assert ended.loss == pytest.approx(min(point.validation for point in ended.losses), abs=1e-4)
    assert 0.45 < ended.loss < 1


def test_each_part_moves_its_own() -> None:
    generator, codes = untaught()
    finish = AdversarialFinish(generator, 0)
    noise = torch.Generator().manual_seed(0)

    finish.part_loss("critic", codes[:64], noise, COURSE).backward()

    assert all(p.grad is not None for p in finish.critic.parameters())
    assert all(p.grad is None for p in generator.parameters())
    finish.part_loss("generator", codes[:64], noise, COURSE).backward()
    assert generator.out.weight.grad is not None
    assert generator.out.weight.grad.abs().sum() > 0


def test_same_seed_gives_same_weights() -> None:
    start, codes = untaught()
    ends = []
    for _ in range(2):
        generator = copy.deepcopy(start)
        train(AdversarialFinish(generator, 0), codes, COURSE.model_copy(update={"max_row_visits": 640}))
        ends.append(generator.state_dict())

    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), name
