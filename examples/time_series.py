"""A forecast whose window is longer than the gradient reaches: an nn.LSTM on a wave, watched while it trains.

    python examples/time_series.py [FILE.rnnkit]

The LSTM reads 100 values of a wave with noise and forecasts the next one. Its verdict says how much of the gradient is left at
the first value of the window, and how far dL/dW_rec looks back. With a file's name it writes what the dashboard's page "Your
network" opens.
"""

import sys

import torch
from torch import nn

import rnnkit

WINDOW, STEPS = 100, 300


class Forecast(nn.Module):
    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, _ = self.lstm(x)
        return self.head(h[:, -1])


def batch(size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns windows (size, WINDOW, 1) of a wave with noise, and the value after each, (size, 1)."""
    t = 1000 * torch.rand(size, 1) + torch.arange(WINDOW + 1)
    wave = torch.sin(2 * torch.pi * t / 25) + 0.5 * torch.sin(2 * torch.pi * t / 60) + 0.1 * torch.randn(size, WINDOW + 1)
    return wave[:, :-1, None], wave[:, -1:]


def train(steps: int = STEPS, every: int = 5) -> "rnnkit.watch.Watch":
    """Trains the model, and returns what was watched."""
    torch.manual_seed(0)
    model = Forecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    watch = rnnkit.watch(model, every=every)
    for _ in range(steps):
        x, y = batch()
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        watch.step()
        optimizer.step()
    return watch


if __name__ == "__main__":
    watch = train()
    print(watch.verdict())
    if sys.argv[1:]:
        watch.save(sys.argv[1])
