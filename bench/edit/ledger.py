"""The fidelity ledger of `bench edit`: Blended Latent Diffusion, and CLiC's transfer."""

from __future__ import annotations

from bench.plugins.method import FidelityNote

LEDGER = (
    FidelityNote(
        "use of it",
        "Break-A-Scene (B.4): Blended Latent Diffusion as it is, region by region; its official script for Stable "
        "Diffusion 2 is text_editing_SD2.py",
        "`from-noise` does what that script does; several regions are painted one after the other, each on the result "
        "of the one before (Figure 10d), with the noise of its own text; where they overlap, the later one wins",
        "the paper names no settings of its own",
    ),
    FidelityNote(
        "what the region begins with",
        "official script: pure noise, although the first quarter of the steps is skipped; CLiC (3.2): the target, "
        "noised to t_start",
        "from-noise: noise, by default; from-target: the noised target, the default of clic",
        "each as its source; on Playroom neither is better (40 scenes, differences of the two): seam error 0.2 +- 0.2 "
        "of 255, region covered by the old toy -.02 +- .02, by the new one .03 +- .07",
    ),
    FidelityNote(
        "noise of the rest",
        "official script: fresh at each step, at the level of the step just made; CLiC's equation 6: noise(t), once or "
        "each time is not said",
        "from-noise: as the script; from-target: one noise, at the level that the step leads to, clean at the end",
        "the library's inpainting pipeline does the latter",
    ),
    FidelityNote(
        "pixels outside the region",
        "official script: the autoencoder's, which repaints all of the picture (the paper's own remedy, for its first "
        "model: the decoder's weights are fitted to the picture); CLiC: not said",
        "the target's own, bit for bit; the edit fades into them over the region's outermost pixels (half a latent)",
        "on Playroom (40 scenes, a toy taken out of a region 3 pixels wider) the autoencoder changed every pixel, by "
        "9.4 +- 0.5 of 255; error in the two pixels on both sides of the seam: 15.8 +- 1.8 without, 10.9 +- 1.3 with a "
        "hard seam, 7.6 +- 1.0 with this one, 13.3 +- 1.5 with one outside of the region; leftover no different",
    ),
    FidelityNote(
        "seed",
        "official script: 42, in a default argument that goes on from call to call",
        "from the target, the prompt and --seed",
        "the same edit gives the same picture",
    ),
    FidelityNote(
        "mask in latents",
        "official script: nearest neighbour, cut at a half",
        "as the script",
        "thin parts of a mask may vanish",
    ),
    FidelityNote(
        "cross-attention guidance",
        "Blended Latent Diffusion: none; CLiC: equation 7",
        "clic's with its own step size, none for other methods, unless --guidance-step-size says otherwise",
        "each method as its source",
    ),
)
