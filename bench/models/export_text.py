"""Networks that read and write: a BERT encoder, and decoders like GPT-2's and LLaMA's."""

import math
import pathlib

import torch

from weights import OPSET, draw_weights


class Attention(torch.nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        self.value = torch.nn.Linear(width, width)
        self.output = torch.nn.Linear(width, width)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        batch, length = x.shape[0], x.shape[1]
        return x.reshape(batch, length, self.heads, self.head_width).transpose(1, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        query, key, value = (self.split(f(x)) for f in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) / math.sqrt(self.head_width) + mask
        context = torch.softmax(scores, dim=-1) @ value
        return self.output(context.transpose(1, 2).flatten(2))


class Layer(torch.nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.attention_norm = torch.nn.LayerNorm(width)
        self.grow = torch.nn.Linear(width, 4 * width)
        self.shrink = torch.nn.Linear(4 * width, width)
        self.output_norm = torch.nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.attention_norm(x + self.attention(x, mask))
        grown = torch.nn.functional.gelu(self.grow(x))
        return self.output_norm(x + self.shrink(grown))


class Bert(torch.nn.Module):
    """The encoder of BERT: three embeddings, layers with post-normalisation, a pooled output."""

    def __init__(self, layers=4, width=256, heads=4, vocabulary=8192, longest=512):
        super().__init__()
        self.words = torch.nn.Embedding(vocabulary, width)
        self.positions = torch.nn.Embedding(longest, width)
        self.kinds = torch.nn.Embedding(2, width)
        self.norm = torch.nn.LayerNorm(width)
        self.layers = torch.nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.pooler = torch.nn.Linear(width, width)

    def forward(self, input_ids, attention_mask, token_type_ids):
        positions = torch.arange(input_ids.shape[1]).unsqueeze(0)
        x = self.words(input_ids) + self.positions(positions) + self.kinds(token_type_ids)
        x = self.norm(x)
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


def bert(target: pathlib.Path) -> None:
    network = Bert().eval()
    draw_weights(network)
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    outputs = ["last_hidden_state", "pooled"]
    axes = {name: {0: "batch", 1: "length"} for name in inputs + outputs[:1]}
    axes["pooled"] = {0: "batch"}
    ids = torch.ones(1, 24, dtype=torch.int64)
    torch.onnx.export(
        network,
        (ids, ids, ids),
        str(target),
        opset_version=OPSET,
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
    )


class CausalAttention(torch.nn.Module):
    """GPT-2's: one matrix for query, key and value, and a mask cut out of a stored triangle."""

    def __init__(self, width: int, heads: int, longest: int):
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.joint = torch.nn.Linear(width, 3 * width)
        self.output = torch.nn.Linear(width, width)
        triangle = torch.ones(longest, longest).tril().to(torch.bool)
        self.register_buffer("triangle", triangle[None, None])

    def split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:-1], self.heads, self.head_width).permute(0, 2, 1, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (self.split(part) for part in self.joint(x).chunk(3, dim=-1))
        scores = query @ key.transpose(-1, -2) / math.sqrt(self.head_width)
        length = x.shape[1]
        lowest = torch.full([], torch.finfo(x.dtype).min)
        scores = torch.where(self.triangle[:, :, :length, :length], scores, lowest)
        context = torch.softmax(scores, dim=-1) @ value
        return self.output(context.permute(0, 2, 1, 3).flatten(2))


def gelu_tanh(x: torch.Tensor) -> torch.Tensor:
    """GPT-2's activation, spelled out as its own code does."""
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))
    return 0.5 * x * (1.0 + torch.tanh(inner))


class Gpt2Layer(torch.nn.Module):
    def __init__(self, width: int, heads: int, longest: int):
        super().__init__()
        self.attention_norm = torch.nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, longest)
        self.norm = torch.nn.LayerNorm(width)
        self.grow = torch.nn.Linear(width, 4 * width)
        self.shrink = torch.nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.shrink(gelu_tanh(self.grow(self.norm(x))))


class Gpt2(torch.nn.Module):
    """Next-token logits of every position; the embedding is also the output matrix."""

    def __init__(self, layers=4, width=256, heads=4, vocabulary=8192, longest=256):
        super().__init__()
        self.words = torch.nn.Embedding(vocabulary, width)
        self.positions = torch.nn.Embedding(longest, width)
        self.layers = torch.nn.ModuleList(Gpt2Layer(width, heads, longest) for _ in range(layers))
        self.norm = torch.nn.LayerNorm(width)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(input_ids.shape[1]).unsqueeze(0)
        x = self.words(input_ids) + self.positions(positions)
        for layer in self.layers:
            x = layer(x)
        return torch.nn.functional.linear(self.norm(x), self.words.weight)


def gpt2(target: pathlib.Path) -> None:
    network = Gpt2().eval()
    draw_weights(network)
    axes = {0: "batch", 1: "length"}
    torch.onnx.export(
        network,
        torch.ones(1, 24, dtype=torch.int64),
        str(target),
        opset_version=OPSET,
        input_names=["input_ids"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "logits": axes},
    )


class RmsNorm(torch.nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + 1e-5))


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding of [batch, heads, length, head width]."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cosine + turned * sine


def repeat_heads(x: torch.Tensor, times: int) -> torch.Tensor:
    """Every key or value head serves `times` query heads."""
    batch, heads, length, width = x.shape
    x = x[:, :, None].expand(batch, heads, times, length, width)
    return x.reshape(batch, heads * times, length, width)


class CachedAttention(torch.nn.Module):
    """LLaMA's: grouped heads, rotary positions, keys and values of the past as inputs."""

    def __init__(self, width: int, heads: int, key_heads: int):
        super().__init__()
        self.heads, self.key_heads, self.head_width = heads, key_heads, width // heads
        self.query = torch.nn.Linear(width, width, bias=False)
        self.key = torch.nn.Linear(width, key_heads * self.head_width, bias=False)
        self.value = torch.nn.Linear(width, key_heads * self.head_width, bias=False)
        self.output = torch.nn.Linear(width, width, bias=False)

    def split(self, x: torch.Tensor, heads: int) -> torch.Tensor:
        batch, length = x.shape[0], x.shape[1]
        return x.view(batch, length, heads, self.head_width).transpose(1, 2)

    def forward(self, x, cosine, sine, mask, past_key, past_value):
        query = rotate(self.split(self.query(x), self.heads), cosine, sine)
        key = rotate(self.split(self.key(x), self.key_heads), cosine, sine)
        key = torch.cat([past_key, key], dim=2)
        value = torch.cat([past_value, self.split(self.value(x), self.key_heads)], dim=2)
        times = self.heads // self.key_heads
        scores = query @ repeat_heads(key, times).transpose(2, 3) / math.sqrt(self.head_width)
        context = torch.softmax(scores + mask, dim=-1) @ repeat_heads(value, times)
        return self.output(context.transpose(1, 2).flatten(2)), key, value


class LlamaLayer(torch.nn.Module):
    def __init__(self, width: int, heads: int, key_heads: int):
        super().__init__()
        self.attention_norm = RmsNorm(width)
        self.attention = CachedAttention(width, heads, key_heads)
        self.norm = RmsNorm(width)
        self.gate = torch.nn.Linear(width, 3 * width, bias=False)
        self.grow = torch.nn.Linear(width, 3 * width, bias=False)
        self.shrink = torch.nn.Linear(3 * width, width, bias=False)

    def forward(self, x, cosine, sine, mask, past_key, past_value):
        attended, key, value = self.attention(
            self.attention_norm(x), cosine, sine, mask, past_key, past_value
        )
        x = x + attended
        normed = self.norm(x)
        x = x + self.shrink(torch.nn.functional.silu(self.gate(normed)) * self.grow(normed))
        return x, key, value


class Llama(torch.nn.Module):
    """A decoder with a cache: logits of the new tokens, keys and values of past and new tokens.

    Positions follow from the attention mask over past and new tokens, as in left-padded batches.
    """

    def __init__(self, layers=2, width=256, heads=8, key_heads=4, vocabulary=4096):
        super().__init__()
        self.head_width = width // heads
        self.words = torch.nn.Embedding(vocabulary, width)
        self.layers = torch.nn.ModuleList(LlamaLayer(width, heads, key_heads) for _ in range(layers))
        self.norm = RmsNorm(width)
        self.output = torch.nn.Linear(width, vocabulary, bias=False)
        powers = torch.arange(0, self.head_width, 2) / self.head_width
        self.register_buffer("frequencies", 1.0 / 10000.0**powers)

    def rotations(self, attention_mask, length: int):
        positions = (attention_mask.cumsum(-1) - 1).masked_fill(attention_mask == 0, 1)
        angles = positions[:, -length:, None].to(torch.float32) * self.frequencies
        angles = torch.cat([angles, angles], dim=-1)[:, None]
        return angles.cos(), angles.sin()

    def mask(self, attention_mask, length: int, dtype: torch.dtype) -> torch.Tensor:
        """[batch, 1, length, past + length], zero where a token may look."""
        total = attention_mask.shape[1]
        lowest = torch.finfo(dtype).min
        columns = torch.arange(total)
        rows = columns[total - length :, None]
        visible = (columns <= rows)[None, None] & attention_mask[:, None, None, :].to(torch.bool)
        return torch.zeros([], dtype=dtype).masked_fill(~visible, lowest)

    def forward(self, input_ids, attention_mask, *past):
        x = self.words(input_ids)
        length = input_ids.shape[1]
        cosine, sine = self.rotations(attention_mask, length)
        mask = self.mask(attention_mask, length, x.dtype)
        present = []
        for layer, key, value in zip(self.layers, past[::2], past[1::2]):
            x, *cache = layer(x, cosine, sine, mask, key, value)
            present += cache
        return self.output(self.norm(x)), *present


def llama(target: pathlib.Path) -> None:
    network = Llama().eval()
    draw_weights(network)
    caches = [f"{i}.{kind}" for i in range(len(network.layers)) for kind in ("key", "value")]
    inputs = ["input_ids", "attention_mask"] + [f"past.{name}" for name in caches]
    outputs = ["logits"] + [f"present.{name}" for name in caches]
    axes = {"input_ids": {0: "batch", 1: "length"}, "attention_mask": {0: "batch", 1: "total"}}
    axes |= {f"past.{name}": {0: "batch", 2: "past"} for name in caches}
    axes |= {f"present.{name}": {0: "batch", 2: "total"} for name in caches}
    axes["logits"] = {0: "batch", 1: "length"}
    ids = torch.ones(2, 3, dtype=torch.int64)
    cache = torch.zeros(2, 4, 5, network.head_width)
    torch.onnx.export(
        network,
        (ids, torch.ones(2, 8, dtype=torch.int64), *[cache] * len(caches)),
        str(target),
        opset_version=OPSET,
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
    )


EXPORTS = {"bert": bert, "gpt2": gpt2, "llama": llama}
