from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from longtake.diffusion.loss import DiffusionLoss
from longtake.diffusion.masks import REGIMES, draw_masks
from longtake.diffusion.prediction import PREDICTIONS, Network, PredictionError
from longtake.diffusion.schedule import cosine, ddpm, flow, per_frame
from longtake.given import Given

B, T, C, H, W, P = 6, 5, 4, 6, 6, 3


def settings(**changes: Any) -> DiffusionLoss:
    fields: dict[str, Any] = {
        "schedule": flow,
        "prediction": "flow",
        "time_mean": 0.3,
        "time_std": 1.1,
        "terminal_share": 0.05,
        "known_noise_max": 0.15,
    }
    return DiffusionLoss(**fields | changes)


def batch(clips: int = B, seed: int = 0) -> dict[str, Tensor]:
    generator = Generator().manual_seed(seed)
    return {
        "latents": torch.randn(clips, T, C, H, W, generator=generator),
        "time": torch.arange(T).expand(clips, T).float(),
        "text": torch.randn(P, 2, 3, generator=generator),
        "prompt": torch.randint(1, P, (clips, T), generator=generator),
        "mask": draw_masks([dict.fromkeys(REGIMES, 1.0)] * clips, T, H, W, generator),
    }


def run(
    loss: DiffusionLoss,
    net: Network,
    data: dict[str, Tensor],
    seed: int = 0,
    dropout: float = 0.1,
) -> tuple[Tensor, dict[str, Tensor]]:
    conditions = {name: data[name] for name in ("time", "text", "prompt", "mask")}
    given = Given(known=data["latents"], **conditions)
    chance = Generator().manual_seed(seed)
    return loss(net, data["latents"], given, text_dropout=dropout, generator=chance)


class Net(nn.Module):
    """One convolution over everything a network sees."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(2 * C + 4, C, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        said = given.text.mean(dim=(1, 2))[given.prompt]
        per_frame = [v[:, :, None, None, None].expand_as(given.mask) for v in (t, given.time, said)]
        seen = torch.cat([x, given.known, given.mask, *per_frame], dim=2)
        output: Tensor = self.conv(seen.movedim(1, 2)).movedim(1, 2)
        return output


class Spy:
    """Keeps what the network was given; gives zeros."""

    def __call__(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        self.x, self.t, self.given = x, t, given
        return torch.zeros_like(x)


@pytest.mark.parametrize("paper_exact", [False, True])
@pytest.mark.parametrize(
    ("schedule", "prediction"),
    [(flow, "flow"), (cosine, "v"), (ddpm, "epsilon"), (flow, "x0"), (flow, "v"), (flow, "edm")],
)
def test_the_perfect_net_has_no_loss(schedule: Any, prediction: str, paper_exact: bool) -> None:
    data = batch()

    def perfect(x: Tensor, t: Tensor, given: Given) -> Tensor:
        alpha, sigma = per_frame(schedule, t)
        eps = (x - alpha * data["latents"]) / sigma
        return PREDICTIONS[prediction].target(data["latents"], eps.nan_to_num(0, 0, 0), alpha, sigma)

    value, _ = run(settings(schedule=schedule, prediction=prediction, paper_exact=paper_exact), perfect, data)
    assert float(value) < 1e-9


def test_known_cells_have_no_gradient_and_unknown_ones_have() -> None:
    data, outputs = batch(), []

    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        outputs.append(torch.zeros_like(x).requires_grad_())
        return outputs[0]

    value, _ = run(settings(), net, data)
    (gradient,) = torch.autograd.grad(value, outputs)
    known = data["mask"].bool().expand_as(outputs[0])
    assert (gradient[known] == 0).all()
    assert (gradient[~known] != 0).all()


def test_each_clip_counts_the_same_however_few_cells_are_unknown() -> None:
    data = batch()
    value, _ = run(settings(), target_plus(2.0, data), data)
    assert float(value) == pytest.approx(4.0, rel=1e-4)


def target_plus(error: float, data: dict[str, Tensor]) -> Network:
    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        return (x - data["latents"]) / t[:, :, None, None, None].clamp(min=1e-9) + error

    return net


def test_expectation_for_a_net_that_says_nothing() -> None:
    # E |eps - x0|^2 = 1 + E x0^2, whatever t is.
    data = batch(400)
    value, _ = run(settings(), Spy(), data)
    assert float(value) == pytest.approx(1 + float(data["latents"].square().mean()), rel=0.02)


def test_what_the_net_sees() -> None:
    data, spy = batch(400), Spy()
    run(settings(), spy, data)
    mask, whole = data["mask"].bool(), data["mask"].bool().all(dim=(2, 3, 4))
    where = mask.expand_as(spy.x)
    assert torch.equal(spy.given.known, data["latents"] * data["mask"])
    assert torch.equal(spy.given.mask, data["mask"])
    assert (spy.t[whole] <= 0.15).all()
    quiet = [spy.t[i][whole[i]] for i in range(400) if whole[i].any()]
    assert all((level == level[0]).all() for level in quiet)
    share = sum(float(level[0]) == 0 for level in quiet) / len(quiet)
    assert 0.4 < share < 0.6
    clean = where & (spy.t == 0)[:, :, None, None, None]
    assert clean.any()
    assert torch.equal(spy.x[clean], data["latents"][clean])
    for i in range(400):
        assert len(set(spy.t[i][~whole[i]].tolist())) == 1


def test_paper_exact_puts_every_frame_at_the_clips_level() -> None:
    spy = Spy()
    run(settings(paper_exact=True), spy, batch())
    assert (spy.t == spy.t[:, :1]).all()


def test_levels_are_logit_normal_with_a_share_at_the_terminal_one() -> None:
    data, spy = batch(4000), Spy()
    data["mask"] = torch.zeros_like(data["mask"])
    run(settings(), spy, data)
    t = spy.t[:, 0]
    assert abs(float((t == 1).float().mean()) - 0.05) < 0.015
    logit = torch.logit(t[t < 1])
    assert abs(float(logit.mean()) - 0.3) < 0.06
    assert abs(float(logit.std()) - 1.1) < 0.06


def test_dropout_takes_all_prompts_of_a_clip() -> None:
    data, spy = batch(400), Spy()
    run(settings(), spy, data, dropout=0.25)
    dropped = (spy.given.prompt == 0).all(dim=1)
    assert 0.18 < float(dropped.float().mean()) < 0.32
    assert torch.equal(spy.given.prompt[~dropped], data["prompt"][~dropped])
    for dropout, prompt in ((0.0, data["prompt"]), (1.0, torch.zeros_like(data["prompt"]))):
        run(settings(), spy, data, dropout=dropout)
        assert torch.equal(spy.given.prompt, prompt)


def test_diagnostics_are_means_and_counts_per_quarter_of_t() -> None:
    data, spy = batch(400), Spy()
    value, shown = run(settings(), spy, data)
    counts = [float(shown[f"count_t_{i}"]) for i in range(4)]
    assert sum(counts) == 400
    assert float(value) == pytest.approx(sum(float(shown[f"loss_t_{i}"]) * counts[i] for i in range(4)) / 400)
    assert not any(tensor.requires_grad for tensor in shown.values())
    _, empty = run(settings(terminal_share=1.0), spy, data)
    assert [float(empty[f"count_t_{i}"]) for i in range(4)] == [0, 0, 0, 400]
    assert float(empty["loss_t_0"]) == 0


def test_all_chance_is_the_generators() -> None:
    torch.manual_seed(0)
    net, data = Net(), batch()
    values = [float(run(settings(), net, data, seed=seed)[0].detach()) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_epsilon_is_refused_where_alpha_is_zero() -> None:
    with pytest.raises(PredictionError, match="alpha"):
        settings(prediction="epsilon")


def test_float32_loss_and_gradients_under_bf16_autocast() -> None:
    torch.manual_seed(0)
    net, data = Net(), batch()
    data["latents"] = data["latents"].half()  # as they lie in the store
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, _ = run(settings(), net, data)
    plain, _ = run(settings(), net, data)
    (gradient,) = torch.autograd.grad(value, [net.conv.weight])
    assert value.dtype == gradient.dtype == torch.float32
    assert float(value.detach()) == pytest.approx(float(plain.detach()), rel=0.02)


def test_the_net_compiles_once_without_breaks() -> None:
    torch.manual_seed(0)
    net, compiled = Net(), 0

    def count(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        nonlocal compiled
        compiled += 1
        return graph

    fast = torch.compile(net, backend=count, fullgraph=True, dynamic=False)
    for seed in range(3):
        assert (
            run(settings(), fast, batch(seed=seed), seed)[0]
            == run(settings(), net, batch(seed=seed), seed)[0]
        )
    assert compiled == 1
