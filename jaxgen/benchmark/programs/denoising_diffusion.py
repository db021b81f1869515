"""denoising-diffusion-pytorch (lucidrains): its U-Net and diffusion with classifier-free guidance.

    documented   as its README has it: dim 64, multiples 1, 2, 4, 8, noise predicted, half of the
                 labels dropped; batches of 32, Adam at 8e-5 and averaged weights (0.995), as its
                 trainer's example has; guidance 6, as its example draws
    small        dim 16, multiples 1, 2, 4, v predicted, a tenth of the labels dropped; batches of
                 64, Adam at 2e-3 falling as a cosine over the budget, averaged weights, guidance 2

The README's example draws with 1000 steps, which take too long on a CPU; here the package's own
DDIM, without fresh noise, draws with 20 steps. The network halves its images three times, so they
are padded from 28 to 32 pixels.
"""

import importlib.util
import math
from pathlib import Path

import runner
import torch
from torch.nn import functional

STEPS = 20  # of sampling


def module():
    """The package's module of guided diffusion, loaded alone: the package itself also loads
    torchvision, for a part that is not used here, and torchvision's wheel may be of another build
    than PyTorch's and then cannot be loaded."""
    package = importlib.util.find_spec("denoising_diffusion_pytorch")
    assert package and package.origin
    file = Path(package.origin).with_name("classifier_free_guidance.py")
    spec = importlib.util.spec_from_file_location("guidance", file)
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    loaded.tqdm = lambda steps, **options: steps  # no bars
    return loaded


def main() -> None:
    job = runner.arguments()
    is_small = {"documented": False, "small": True}[job.settings]
    lib = module()
    model = lib.Unet(
        dim=16 if is_small else 64,
        dim_mults=(1, 2, 4) if is_small else (1, 2, 4, 8),
        num_classes=10,
        cond_drop_prob=0.1 if is_small else 0.5,
        channels=1,
    )
    diffusion = lib.GaussianDiffusion(
        model,
        image_size=32,
        timesteps=1000,
        sampling_timesteps=STEPS,
        objective="pred_v" if is_small else "pred_noise",
        ddim_sampling_eta=0.0,
    )
    batch, rate, decay, guidance = (64, 2e-3, 0.99, 2.0) if is_small else (32, 8e-5, 0.995, 6.0)
    optimizer = torch.optim.Adam(model.parameters(), rate, betas=(0.9, 0.99))
    average = runner.Average(model, decay)

    def step(images, labels, progress):
        if is_small:
            runner.set_rate(optimizer, rate * 0.5 * (1 + math.cos(math.pi * progress)))
        loss = diffusion(functional.pad(images, (2, 2, 2, 2)), classes=labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # as its trainer does
        optimizer.step()
        average.update()

    def draw(labels):
        return diffusion.sample(labels, cond_scale=guidance)[:, :, 2:-2, 2:-2]

    runner.train(job, step, runner.swapping(average, draw), batch=batch, models=[model])


if __name__ == "__main__":
    main()
