"""Half the digits where that is faster: matrix products in bfloat16, weights and losses in float32."""

from contextlib import AbstractContextManager

import torch


def lower_precision(device: torch.device) -> AbstractContextManager[None]:
    """Compute products of matrices in bfloat16 within this context, on a GPU, or a CPU that multiplies them as such."""
    enabled = device.type == "cuda" or (device.type == "cpu" and _cpu_is_faster())
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _cpu_is_faster() -> bool:
    """Tell whether this CPU has instructions for bfloat16; without them, it is slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
