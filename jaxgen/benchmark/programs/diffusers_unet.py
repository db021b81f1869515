"""diffusers (Hugging Face): its ``UNet2DModel`` and schedulers, by the digit.

    documented   the class-conditioned model of unit 2 of the Hugging Face diffusion course: widths
                 32, 64, 64 with two layers each and attention at 14 x 14 and 7 x 7, the digit as
                 four more channels of the image, noise predicted, a squared cosine of 1000 steps,
                 batches of 128, Adam at 1e-3. The course draws by the ancestral sampler, whose 1000
                 steps take too long on a CPU; here DPM-Solver++ with 20 steps draws from the same
                 weights.
    small        widths 16, 32, 64 with one layer each and no attention, the digit embedded as the
                 time is, v predicted, batches of 64, Adam at 4e-3 falling as a cosine over the
                 budget, averaged weights, DPM-Solver++ with 12 steps, guidance 2.

jaxgen cannot train these architectures: its U-Net has no grid of 28 x 28, no group normalisation
and no attention but at 7 x 7. The other way round, ``ours_unet`` is jaxgen's U-Net in PyTorch.
"""

import math

import runner
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from torch import nn
from torch.nn import functional

NO_DIGIT = 10
# The noisiest level of sampling, as log SNR / 2. A cosine begins at -10; the documentation of the
# scheduler calls a limit critical for it.
LAMBDA = -5.1


class Concatenated(nn.Module):
    """The course's network: the embedded digit is four constant channels beside the image."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.net = UNet2DModel(
            sample_size=28,
            in_channels=1 + 4,
            out_channels=1,
            layers_per_block=2,
            block_out_channels=(32, 64, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        )

    def forward(self, images, times, labels):
        digits = self.table(labels)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        return self.net(torch.cat([images, digits], 1), times).sample


class Embedded(nn.Module):
    """A smaller network, to which the digit comes with the time."""

    def __init__(self):
        super().__init__()
        self.net = UNet2DModel(
            sample_size=28,
            in_channels=1,
            out_channels=1,
            layers_per_block=1,
            block_out_channels=(16, 32, 64),
            down_block_types=("DownBlock2D",) * 3,
            up_block_types=("UpBlock2D",) * 3,
            norm_num_groups=8,
            add_attention=False,
            num_class_embeds=11,
        )

    def forward(self, images, times, labels):
        return self.net(images, times, class_labels=labels).sample


def documented(job) -> None:
    model, noising = Concatenated(), DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step(images, labels, progress):
        noise = torch.randn_like(images)
        times = torch.randint(0, 1000, (len(labels),))
        noisy = noising.add_noise(2 * images - 1, noise, times)
        loss = functional.mse_loss(model(noisy, times, labels), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def draw(labels):
        return denoised(model, noising, 20, labels)

    runner.train(job, step, draw, batch=128, models=[model])


def small(job) -> None:
    noising = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    model = Embedded()
    optimizer = torch.optim.Adam(model.parameters(), 4e-3, betas=(0.9, 0.99))
    average = runner.Average(model, 0.99)

    def step(images, labels, progress):
        runner.set_rate(optimizer, 4e-3 * 0.5 * (1 + math.cos(math.pi * progress)))
        clean, noise = 2 * images - 1, torch.randn_like(images)
        times = torch.randint(0, 1000, (len(labels),))
        dropped = torch.where(torch.rand(len(labels)) < 0.1, NO_DIGIT, labels)
        output = model(noising.add_noise(clean, noise, times), times, dropped)
        loss = functional.mse_loss(output, noising.get_velocity(clean, noise, times))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update()

    def guided(images, times, labels):
        both = torch.cat([labels, torch.full_like(labels, NO_DIGIT)])
        known, any_digit = model(images.repeat(2, 1, 1, 1), times, both).chunk(2)
        return any_digit + 2.0 * (known - any_digit)

    def draw(labels):
        return denoised(guided, noising, 12, labels)

    runner.train(job, step, runner.swapping(average, draw), batch=64, models=[model])


def denoised(predict, noising: DDPMScheduler, steps: int, labels) -> torch.Tensor:
    """Draw with DPM-Solver++ (Lu et al. 2022): images [n, 1, 28, 28] in [0, 1]."""
    sampler = DPMSolverMultistepScheduler.from_config(
        noising.config,
        algorithm_type="dpmsolver++",
        # Even in time. ``use_lu_lambdas``, even in log SNR, ignores the limit: of 12 steps 6 would
        # be spent where there is only noise.
        lambda_min_clipped=LAMBDA,
    )
    sampler.set_timesteps(steps)
    images = torch.randn(len(labels), 1, 28, 28)
    for time in sampler.timesteps:
        output = predict(images, time, labels)
        images = sampler.step(output, time, images).prev_sample
    return (images + 1) / 2


if __name__ == "__main__":
    job = runner.arguments()
    {"documented": documented, "small": small}[job.settings](job)
