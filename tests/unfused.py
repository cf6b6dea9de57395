"""A torch recurrent layer as a plain loop over sequences and time steps, whose every state retains its gradient in autograd.

It has the weights of an nn.RNN, nn.LSTM or nn.GRU and none of its code, so that what rnnkit.watch replays can be compared.
"""

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


def one_step(module, x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr):
    """h_t and c_t of one step, by the formulas of torch's documentation."""
    a, r = F.linear(x, w_ih, b_ih), F.linear(h, w_hh, b_hh)
    if module.mode == "LSTM":
        i, f, g, o = (a + r).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h if w_hr is None else h @ w_hr.T, c
    if module.mode == "GRU":
        (a_r, a_z, a_n), (q_r, q_z, q_n) = a.chunk(3, -1), r.chunk(3, -1)
        z = (a_z + q_z).sigmoid()
        return (1 - z) * (a_n + (a_r + q_r).sigmoid() * q_n).tanh() + z * h, None
    return (a + r).tanh() if module.mode == "RNN_TANH" else (a + r).relu(), None


class Unfused:
    """Runs a module on x (T, B, I) or a PackedSequence, time first, from h0 and c0 (L D, B, .).

    output, h_n and c_n are as the module's; states[layer, direction][part][b] is the list of a sequence's h_t or c_t, in the
    order of the input's t.
    """

    def __init__(self, module, x, h0, c0=None):
        self.module, self.states = module, {}
        packed = isinstance(x, PackedSequence)
        data, lengths = pad_packed_sequence(x) if packed else (x, torch.full((x.shape[1],), len(x)))
        D = 2 if module.bidirectional else 1
        h_n, c_n = [], []
        for layer in range(module.num_layers):
            outs = []
            for d in range(D):
                k = layer * D + d
                w_ih, w_hh, *more = module.all_weights[k]
                b = more[:2] if module.bias else (None, None)
                w_hr = more[-1] if module.proj_size else None
                hs, cs, rows = [], [], []
                for i, n in enumerate(lengths.tolist()):
                    h, c = h0[k, i], None if c0 is None else c0[k, i]
                    of_h, of_c = [], []
                    for t in range(n)[:: -1 if d else 1]:
                        h, c = one_step(module, data[t, i], h, c, w_ih, w_hh, *b, w_hr)
                        h.retain_grad()
                        of_h.append(h)
                        if c is not None:
                            c.retain_grad()
                            of_c.append(c)
                    h_n.append(h)
                    c_n.append(c)
                    hs.append(of_h[:: -1 if d else 1])
                    cs.append(of_c[:: -1 if d else 1])
                    rows.append(torch.cat([torch.stack(hs[-1]), h.new_zeros(len(data) - n, len(h))]))
                self.states[layer, d] = {"h": hs} | ({} if c0 is None else {"c": cs})
                outs.append(torch.stack(rows, 1))
            data = torch.cat(outs, -1)
            if module.dropout and layer < module.num_layers - 1:
                if packed:
                    inner = pack_padded_sequence(data, lengths, enforce_sorted=False)
                    data = pad_packed_sequence(inner._replace(data=F.dropout(inner.data, module.dropout)))[0]
                else:
                    data = F.dropout(data, module.dropout)
        B = len(lengths)
        self.output = pack_padded_sequence(data, lengths, enforce_sorted=False) if packed else data
        self.h_n = torch.stack(h_n).unflatten(0, (-1, B))
        self.c_n = None if c0 is None else torch.stack(c_n).unflatten(0, (-1, B))

    def norms(self, layer, d, part):
        """||dL/ds_t|| over the sequences that have this step, (T,); after backward."""
        lists = self.states[layer, d][part]
        square = np.zeros(max(map(len, lists)))
        for of_sequence in lists:
            for t, s in enumerate(of_sequence):
                square[t] += 0.0 if s.grad is None else s.grad.double().square().sum().item()
        return np.sqrt(square)
