"""The layers of Topaz's networks, rewritten for speed, with the same results."""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from topaz.model.features.resnet import BasicConv, ResidA
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["prepared", "reach_of", "stride_of"]


class _Columns(nn.Module):
    """A convolution of one channel, computed with neighbouring columns as channels.

    Units for matrix products use only a small part of their width for a single channel.
    """

    def __init__(self, layer: BasicConv) -> None:
        super().__init__()
        self.kernel_size, self.stride = layer.kernel_size, layer.stride
        conv = layer.conv
        size = self.kernel_size
        self._spare = -size % 8
        weight = conv.weight.new_zeros((conv.out_channels, size + self._spare, size, 1))
        weight[:, :size, :, 0] = conv.weight[:, 0].transpose(1, 2)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        columns = F.pad(x[:, 0].unfold(2, self.kernel_size, self.stride), (0, self._spare))
        step = (self.stride, 1)
        return _conv_relu(columns.permute(0, 3, 1, 2), self.weight, self.bias, step)


class _Residual(nn.Module):
    """A residual block that computes in place where possible."""

    def __init__(self, layer: ResidA) -> None:
        super().__init__()
        self.kernel_size, self.stride = layer.kernel_size, layer.stride
        self.layer = layer
        self._edge = layer.conv0.dilation[0] + layer.conv1.dilation[0]

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        conv = layer.conv0
        y: Tensor = layer.conv1(_conv_relu(x, conv.weight, conv.bias, conv.stride, conv.dilation))
        x = x[:, :, self._edge : -self._edge, self._edge : -self._edge]
        y += layer.proj(x) if hasattr(layer, "proj") else x[..., :: self.stride, :: self.stride]
        if layer.bn:
            y = layer.bn1(y)
        activated: Tensor = layer.act1(y)
        return activated


def _conv_relu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> Tensor:
    """Compute a convolution and ReLU, fused on NVIDIA GPUs if that gives the same result."""
    if x.device.type == "cuda" and _fused_is_right(x.device, x.dtype):
        y: Tensor = torch.cudnn_convolution_relu(
            x.contiguous(memory_format=torch.channels_last),
            weight, bias, stride, (0, 0), dilation, 1,
        )  # fmt: skip
        return y
    return F.conv2d(x, weight, bias, stride, 0, dilation).relu_()


@cache
def _fused_is_right(device: torch.device, dtype: torch.dtype) -> bool:
    """Test the fused form on a small image: not all GPUs, versions and precisions support it."""
    numbers = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=numbers).to(device, dtype)
        for shape in ((1, 64, 20, 20), (64, 64, 3, 3), (64,))
    )
    last = torch.channels_last
    x, weight = (part.contiguous(memory_format=last) for part in (x, weight))
    plain = F.conv2d(x, weight, bias).relu_()
    try:
        fused = torch.cudnn_convolution_relu(x, weight, bias, (1, 1), (0, 0), (1, 1), 1)
    except (RuntimeError, AttributeError, TypeError):
        return False
    return bool((fused - plain).abs().max() <= 0.01 * plain.abs().max())


def prepared(layer: nn.Module) -> nn.Module:
    """Return a layer in its fastest form; batch norms are merged into convolutions."""
    if isinstance(layer, BasicConv):
        if hasattr(layer, "bn"):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
            del layer.bn
        return _Columns(layer) if layer.conv.in_channels == 1 else layer
    if isinstance(layer, ResidA):
        if layer.bn:
            layer.conv0 = fuse_conv_bn_eval(layer.conv0, layer.bn0)
        return _Residual(layer)
    return layer


def stride_of(layer: nn.Module) -> int:
    """Return the stride of a layer."""
    return int(layer.stride)  # type: ignore[arg-type]


def reach_of(layers: Sequence[nn.Module]) -> int:
    """Return the number of input samples along an axis that one output sample needs."""
    samples = 1
    for layer in reversed(layers):
        samples = (samples - 1) * stride_of(layer) + int(layer.kernel_size)  # type: ignore[arg-type]
    return samples
