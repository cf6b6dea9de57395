"""The papers that the glossary names: its reading list. A link is an arXiv number, a DOI or an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A paper."""

    authors: str
    year: int
    title: str
    where: str  # journal with volume and pages, conference, or report
    link: str  # https://...

    @property
    def short(self) -> str:
        """Returns `Pascanu, Mikolov & Bengio 2013`."""
        return f"{self.authors} {self.year}"


ARXIV, DOI = "https://arxiv.org/abs/", "https://doi.org/"

SOURCES: Mapping[str, Source] = {
    "elman": Source(
        "Elman", 1990, "Finding structure in time", "Cognitive Science 14(2), 179–211", f"{DOI}10.1207/s15516709cog1402_1"
    ),
    "werbos": Source(
        "Werbos",
        1990,
        "Backpropagation through time: what it does and how to do it",
        "Proceedings of the IEEE 78(10), 1550–1560",
        f"{DOI}10.1109/5.58337",
    ),
    "williams-peng": Source(
        "Williams & Peng",
        1990,
        "An efficient gradient-based algorithm for on-line training of recurrent network trajectories",
        "Neural Computation 2(4), 490–501",
        f"{DOI}10.1162/neco.1990.2.4.490",
    ),
    "bengio": Source(
        "Bengio, Simard & Frasconi",
        1994,
        "Learning long-term dependencies with gradient descent is difficult",
        "IEEE Transactions on Neural Networks 5(2), 157–166",
        f"{DOI}10.1109/72.279181",
    ),
    "lin": Source(
        "Lin, Horne, Tiňo & Giles",
        1996,
        "Learning long-term dependencies in NARX recurrent neural networks",
        "IEEE Transactions on Neural Networks 7(6), 1329–1338",
        f"{DOI}10.1109/72.548162",
    ),
    "hochreiter": Source(
        "Hochreiter & Schmidhuber",
        1997,
        "Long short-term memory",
        "Neural Computation 9(8), 1735–1780",
        f"{DOI}10.1162/neco.1997.9.8.1735",
    ),
    "gers": Source(
        "Gers, Schmidhuber & Cummins",
        2000,
        "Learning to forget: continual prediction with LSTM",
        "Neural Computation 12(10), 2451–2471",
        f"{DOI}10.1162/089976600300015015",
    ),
    "jaeger": Source(
        "Jaeger",
        2001,
        "The “echo state” approach to analysing and training recurrent neural networks",
        "GMD Report 148, German National Research Center for Information Technology",
        "https://www.ai.rug.nl/minds/uploads/EchoStatesTechRep.pdf",
    ),
    "jaeger-leaky": Source(
        "Jaeger, Lukoševičius, Popovici & Siewert",
        2007,
        "Optimization and applications of echo state networks with leaky-integrator neurons",
        "Neural Networks 20(3), 335–352",
        f"{DOI}10.1016/j.neunet.2007.04.016",
    ),
    "glorot": Source(
        "Glorot & Bengio",
        2010,
        "Understanding the difficulty of training deep feedforward neural networks",
        "AISTATS, PMLR 9, 249–256",
        "https://proceedings.mlr.press/v9/glorot10a.html",
    ),
    "pascanu": Source(
        "Pascanu, Mikolov & Bengio",
        2013,
        "On the difficulty of training recurrent neural networks",
        "ICML, PMLR 28(3), 1310–1318",
        f"{ARXIV}1211.5063",
    ),
    "saxe": Source(
        "Saxe, McClelland & Ganguli",
        2014,
        "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
        "ICLR (arXiv 2013)",
        f"{ARXIV}1312.6120",
    ),
    "cho": Source(
        "Cho et al.",
        2014,
        "Learning phrase representations using RNN encoder–decoder for statistical machine translation",
        "EMNLP, 1724–1734",
        f"{ARXIV}1406.1078",
    ),
    "le": Source(
        "Le, Jaitly & Hinton",
        2015,
        "A simple way to initialize recurrent networks of rectified linear units",
        "arXiv",
        f"{ARXIV}1504.00941",
    ),
    "linzen": Source(
        "Linzen, Dupoux & Goldberg",
        2016,
        "Assessing the ability of LSTMs to learn syntax-sensitive dependencies",
        "TACL 4, 521–535",
        f"{ARXIV}1611.01368",
    ),
    "zhang": Source(
        "Zhang et al.", 2016, "Architectural complexity measures of recurrent neural networks", "NeurIPS", f"{ARXIV}1602.08210"
    ),
    "merity": Source(
        "Merity, McCann & Socher", 2017, "Revisiting activation regularization for language RNNs", "arXiv", f"{ARXIV}1708.01009"
    ),
    "loshchilov-schedule": Source(
        "Loshchilov & Hutter", 2017, "SGDR: stochastic gradient descent with warm restarts", "ICLR", f"{ARXIV}1608.03983"
    ),
    "tallec": Source("Tallec & Ollivier", 2018, "Can recurrent neural networks warp time?", "ICLR", f"{ARXIV}1804.11188"),
    "westhuizen": Source(
        "van der Westhuizen & Lasenby", 2018, "The unreasonable effectiveness of the forget gate", "arXiv", f"{ARXIV}1804.04849"
    ),
    "loshchilov-decay": Source(
        "Loshchilov & Hutter", 2019, "Decoupled weight decay regularization", "ICLR (arXiv 2017)", f"{ARXIV}1711.05101"
    ),
    "chang": Source(
        "Chang, Chen, Haber & Chi",
        2019,
        "AntisymmetricRNN: a dynamical system view on recurrent neural networks",
        "ICLR",
        f"{ARXIV}1902.09689",
    ),
    "lezcano": Source(
        "Lezcano-Casado & Martínez-Rubio",
        2019,
        "Cheap orthogonal constraints in neural networks: a simple parametrization of the orthogonal and unitary group",
        "ICML, PMLR 97, 3794–3803",
        f"{ARXIV}1901.08428",
    ),
    "warstadt": Source(
        "Warstadt et al.",
        2020,
        "BLiMP: the benchmark of linguistic minimal pairs for English",
        "TACL 8, 377–392",
        f"{ARXIV}1912.00582",
    ),
    "hewitt": Source(
        "Hewitt, Hahn, Ganguli, Liang & Manning",
        2020,
        "RNNs can generate bounded hierarchical languages with optimal memory",
        "EMNLP, 1978–2010",
        f"{ARXIV}2010.07515",
    ),
    "zhai": Source("Zhai et al.", 2021, "An attention free transformer", "arXiv", f"{ARXIV}2105.14103"),
    "rusch": Source(
        "Rusch & Mishra",
        2021,
        "Coupled oscillatory recurrent neural network (coRNN): an accurate and (gradient) stable architecture for learning long "
        "time dependencies",
        "ICLR (arXiv 2020)",
        f"{ARXIV}2010.00951",
    ),
    "vogt": Source(
        "Vogt, Puelma Touzel, Shlizerman & Lajoie",
        2022,
        "On Lyapunov exponents for RNNs: understanding information propagation using dynamical systems tools",
        "Frontiers in Applied Mathematics and Statistics 8, 818799",
        f"{DOI}10.3389/fams.2022.818799",
    ),
    "orvieto": Source(
        "Orvieto et al.",
        2023,
        "Resurrecting recurrent neural networks for long sequences",
        "ICML, PMLR 202",
        f"{ARXIV}2303.06349",
    ),
    "feng": Source("Feng et al.", 2024, "Were RNNs all we needed?", "arXiv", f"{ARXIV}2410.01201"),
    "zucchet": Source(
        "Zucchet & Orvieto",
        2024,
        "Recurrent neural networks: vanishing and exploding gradients are not the end of the story",
        "NeurIPS",
        f"{ARXIV}2405.21064",
    ),
    "beck": Source("Beck et al.", 2024, "xLSTM: extended long short-term memory", "NeurIPS", f"{ARXIV}2405.04517"),
    "grazzi": Source(
        "Grazzi et al.",
        2025,
        "Unlocking state-tracking in linear RNNs through negative eigenvalues",
        "ICLR",
        f"{ARXIV}2411.12537",
    ),
}
