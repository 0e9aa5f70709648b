"""Tutorial 3: a bidirectional LSTM on headlines, then with LayerNorm."""

from __future__ import annotations

from textrnn.study.claims.claim import (
    CONVERGED,
    FAILURE_MARGIN,
    POINT,
    Claim,
    Comparison,
    Text,
    faster,
    ratio,
    score,
    smoother,
)

CROSS = ("bilstm_b64", "bilstm_norm", "bilstm_stock", "bilstm_stock_norm")

CLAIMS = (
    Claim(
        "lstm_cures",
        3,
        Text(
            "Where the RNN fails, at batches of 64 and rows of 32, the LSTM converges.",
            "在 RNN 失败之处（批大小 64、行长 32），LSTM 收敛。",
        ),
        (
            score("rnn_b64_p32", CONVERGED, "below"),
            score("bilstm_b64", "rnn_b64_p32", "above", FAILURE_MARGIN),
            score("bilstm_b64", CONVERGED, "above"),
        ),
        figure="accuracy",
    ),
    Claim(
        "lstm_gain",
        3,
        Text("The LSTM is the better cell.", "LSTM 是更好的单元。"),
        (score("lstm_valid_p32", "rnn_valid_p32", "above"),),
        Text(
            "Both in one direction, read at the last token: what is left is the cell's own gain.",
            "两者都是单向、在最后一个字符处读取：剩下的就是单元本身的好处。",
        ),
        ours=True,
    ),
    Claim(
        "lstm_batch_256",
        3,
        Text(
            "Batches of 256 are smoother and faster than 64 for the LSTM too.",
            "对 LSTM 来说，批大小 256 也比 64 更平滑、更快。",
        ),
        (smoother("bilstm_b256", "bilstm_b64"), faster("bilstm_b256", "bilstm_b64", "steps")),
        figure="losses",
    ),
    Claim(
        "norm_and_initialization",
        3,
        Text(
            "LayerNorm makes convergence steady and fast.",
            "LayerNorm 使收敛平稳而快速。",
        ),
        (
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_b64", "above", POINT),
            smoother("bilstm_stock_norm", "bilstm_b64"),
        ),
        Text(
            "With stock initialisation in place of Xavier, as in the tutorial: two changes at once.",
            "与教程一样，同时用默认初始化代替 Xavier：一次改了两处。",
        ),
        figure="accuracy",
        drawn=CROSS,
    ),
    Claim(
        "norm_alone",
        3,
        Text("It is LayerNorm that does it.", "起作用的是 LayerNorm。"),
        (
            Comparison("early_accuracy", "bilstm_norm", "bilstm_b64", "above", POINT),
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_stock", "above", POINT),
            smoother("bilstm_norm", "bilstm_b64"),
            smoother("bilstm_stock_norm", "bilstm_stock"),
        ),
        Text("LayerNorm alone, with either initialisation.", "只加 LayerNorm，分别用两种初始化。"),
        ours=True,
    ),
    Claim(
        "initialization_alone",
        3,
        Text("The initialisation has no part in it.", "初始化不起作用。"),
        (
            Comparison("early_accuracy", "bilstm_stock", "bilstm_b64", "same", POINT),
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_norm", "same", POINT),
            ratio("roughness", "bilstm_stock", "bilstm_b64", "same"),
            ratio("roughness", "bilstm_stock_norm", "bilstm_norm", "same"),
        ),
        Text(
            "Initialisation alone, without LayerNorm and with it.",
            "只改初始化，分别不加和加 LayerNorm。",
        ),
        ours=True,
    ),
)
