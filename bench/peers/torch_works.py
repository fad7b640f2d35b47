"""The works of bench/works.ts for PyTorch: each gives (units of a step, a function that makes one step)."""
import torch
from torch import nn
from torch.nn import functional as F


def trainer(model, batch, loss_of, optimizer, clip=None):
    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model, *batch)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()

    return step


def cross_entropy(model, x, y):
    logits = model(x)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))


def w1():
    model = nn.Sequential(
        nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)
    )
    batch = torch.randn(256, 784), torch.randint(10, (256,))
    return 256, trainer(model, batch, cross_entropy, torch.optim.Adam(model.parameters(), 1e-3))


def w2():
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Linear(128, 10),
    )
    batch = torch.randn(128, 1, 28, 28), torch.randint(10, (128,))
    return 128, trainer(model, batch, cross_entropy, torch.optim.Adam(model.parameters(), 1e-3))


class NormWithoutBias(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight)


class Attention(nn.Module):
    """As nanoGPT: one product for query, key and value; PyTorch's fused attention where there is one."""

    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(context, context)).view(1, 1, context, context) == 0)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (y.view(b, t, self.heads, c // self.heads).transpose(1, 2) for y in self.qkv(x).split(c, dim=2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5
            y = F.softmax(scores.masked_fill(self.mask[:, :, :t, :t], float("-inf")), dim=-1) @ v
        return self.project(y.transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.norm1, self.norm2 = NormWithoutBias(width), NormWithoutBias(width)
        self.attention = Attention(width, heads, context)
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.project = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.project(F.gelu(self.expand(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.randn(context, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, context) for _ in range(layers)))
        self.norm = NormWithoutBias(width)
        nn.init.normal_(self.token.weight, std=0.02)

    def forward(self, ids):
        x = self.token(ids) + self.position
        return F.linear(self.norm(self.blocks(x)), self.token.weight)


def gpt(layers, heads, width, context, batch, vocabulary=65):
    model = Gpt(vocabulary, context, layers, heads, width)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
    data = torch.randint(vocabulary, (batch, context)), torch.randint(vocabulary, (batch, context))
    return batch * context, trainer(model, data, cross_entropy, optimizer, clip=1.0)


def w3():
    return gpt(layers=4, heads=4, width=128, context=64, batch=12)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(64, 256, batch_first=True)
        self.head = nn.Linear(256, 64)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


def w4():
    model = Recurrent()
    batch = torch.randn(32, 64, 64), torch.randint(64, (32, 64))
    return 32, trainer(model, batch, cross_entropy, torch.optim.Adam(model.parameters(), 1e-3))


class Residual(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(outside), nn.BatchNorm2d(outside)
        self.stride, self.extra = stride, outside - inside

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        if self.extra:  # option A of He et al. 2015: every second pixel, zeros for the new channels
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra // 2, self.extra // 2))
        return F.relu(x + y)


def w5():
    blocks = [
        Residual(inside if i == 0 else width, width, stride if i == 0 else 1)
        for inside, width, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        for i in range(3)
    ]
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )
    batch = torch.randn(128, 3, 32, 32), torch.randint(10, (128,))
    return 128, trainer(model, batch, cross_entropy, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))


def w6():
    return gpt(layers=6, heads=6, width=384, context=256, batch=4)


def gemm(size):
    a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    return 2 * size**3 / 1e9, lambda: torch.mm(a, b, out=out)


def open_work(name):
    return gemm(int(name[5:])) if name.startswith("gemm-") else globals()[name]()
