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
            "Where the RNN fails, with batches of 64 and headlines padded to 32, the LSTM converges.",
            "在 RNN 失败的设置下（批大小 64，填充到 32），LSTM 收敛。",
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
        Text("The LSTM is a better cell than the RNN.", "LSTM 是比 RNN 更好的单元。"),
        (score("lstm_valid_p32", "rnn_valid_p32", "above"),),
        Text(
            "Both read in one direction and at the last token, so that only the cell differs.",
            "两者都是单向，都在最后一个字符处读取，因此只有单元不同。",
        ),
        ours=True,
    ),
    Claim(
        "lstm_batch_256",
        3,
        Text(
            "The LSTM, too, trains more smoothly and faster with batches of 256 than of 64.",
            "LSTM 也一样：批大小 256 的训练比 64 更平滑、更快。",
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
            "With PyTorch's initialization in place of Xavier, as in the tutorial: two changes at once.",
            "与教程一样，同时用 PyTorch 默认初始化代替 Xavier：一次改了两处。",
        ),
        figure="accuracy",
        drawn=CROSS,
    ),
    Claim(
        "norm_alone",
        3,
        Text("LayerNorm alone makes convergence steady and fast.", "单靠 LayerNorm 就使收敛平稳而快速。"),
        (
            Comparison("early_accuracy", "bilstm_norm", "bilstm_b64", "above", POINT),
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_stock", "above", POINT),
            smoother("bilstm_norm", "bilstm_b64"),
            smoother("bilstm_stock_norm", "bilstm_stock"),
        ),
        Text("LayerNorm alone, with either initialization.", "只加 LayerNorm，分别用两种初始化。"),
        ours=True,
    ),
    Claim(
        "initialization_alone",
        3,
        Text("The initialization alone changes nothing.", "单改初始化没有作用。"),
        (
            Comparison("early_accuracy", "bilstm_stock", "bilstm_b64", "same", POINT),
            Comparison("early_accuracy", "bilstm_stock_norm", "bilstm_norm", "same", POINT),
            ratio("roughness", "bilstm_stock", "bilstm_b64", "same"),
            ratio("roughness", "bilstm_stock_norm", "bilstm_norm", "same"),
        ),
        Text(
            "Initialization alone, without LayerNorm and with it.",
            "只改初始化，无 LayerNorm 和有 LayerNorm 各比较一次。",
        ),
        ours=True,
    ),
)
