"""A model as users write them, and the training loop that it stands in."""

import torch
from torch import nn

KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Model(nn.Module):
    """What users write: an embedding, a recurrent layer somewhere within, a readout of the last step."""

    def __init__(self, kind="lstm", **options):
        super().__init__()
        self.embed = nn.Embedding(7, 5)
        self.encoder = nn.ModuleDict({"rnn": KINDS[kind](5, 6, batch_first=True, **options)})
        self.out = nn.Linear(6 * (2 if options.get("bidirectional") else 1), 3)

    def forward(self, x):
        y, _ = self.encoder["rnn"](self.embed(x))
        return self.out(y[:, -1])


def batches(n, T=8, B=4):
    generator = torch.Generator().manual_seed(1)
    return [(torch.randint(7, (B, T), generator=generator), torch.randint(3, (B,), generator=generator)) for _ in range(n)]


def with_adam(model, step):
    opt = torch.optim.Adam(model.parameters(), 0.01)
    loss_fn = nn.CrossEntropyLoss()
    for x, y in batches(5):
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        step()
        opt.step()
