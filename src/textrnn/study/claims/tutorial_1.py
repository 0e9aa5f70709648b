"""Tutorial 1: what the size of batches and the width of rows do to an RNN that classifies headlines."""

from __future__ import annotations

from textrnn.study.claims.claim import (
    CONVERGED,
    FAILURE_MARGIN,
    POINT,
    RELATIVE_MARGIN,
    Claim,
    Comparison,
    Text,
    faster,
    ratio,
    score,
    smoother,
)

BATCHES, WIDTHS = (64, 128, 256, 1024), (7, 16, 32)
LARGER_BATCHES = BATCHES[1:]  # compared with 64
BY_BATCH = tuple(f"rnn_b{rows}_p16" for rows in BATCHES)
GRID = tuple(f"rnn_b{rows}_p{width}" for rows in BATCHES for width in WIDTHS)
BY_CELL = ("rnn_valid_p32", "gru_valid_p32", "lstm_valid_p32")
THIRD = 2.0  # as a margin of a ratio: 1 / (1 + 2)

CLAIMS = (
    Claim(
        "fails_at_32",
        1,
        Text(
            "With batches of 64 and rows of 32 the RNN does not converge; with rows of 16 it does.",
            "批大小为 64、行长为 32 时 RNN 不收敛；行长为 16 时收敛。",
        ),
        (
            score("rnn_b64_p16", "rnn_b64_p32", "above", FAILURE_MARGIN),
            score("rnn_b64_p32", CONVERGED, "below"),
            score("rnn_b64_p16", CONVERGED, "above"),
        ),
        Text(
            "To converge is to classify more than half of test correctly; a lower accuracy alone is no failure.",
            "这里“收敛”指测试集准确率超过一半；准确率只是较低，不算失败。",
        ),
        figure="accuracy",
    ),
    Claim(
        "batch_128",
        1,
        Text(
            "Batches of 128 give a smoother curve than 64, with no great difference in the result.",
            "批大小 128 的曲线比 64 更平滑，结果差别不大。",
        ),
        (smoother("rnn_b128_p16", "rnn_b64_p16"), score("rnn_b128_p16", "rnn_b64_p16", "same", POINT)),
        Text(
            "No great difference is one point of accuracy at most.",
            "“差别不大”指准确率相差至多一个百分点。",
        ),
        figure="losses",
        drawn=BY_BATCH,
    ),
    Claim(
        "batch_256",
        1,
        Text("Batches of 256 are smoother and faster than 64.", "批大小 256 比 64 更平滑、更快。"),
        (smoother("rnn_b256_p16", "rnn_b64_p16"), faster("rnn_b256_p16", "rnn_b64_p16", "steps")),
        Text("Both take the same number of operations.", "两者的运算量相同。"),
    ),
    Claim(
        "batch_256_time",
        1,
        Text(
            "Batches of 256 take 5 minutes in place of the 18 that 64 takes: less than a third.",
            "批大小 256 用 5 分钟，64 用 18 分钟：不到三分之一。",
        ),
        (Comparison("seconds", "rnn_b256_p16", "rnn_b64_p16", "below", THIRD, ratio=True),),
        Text(
            "Measured on a CPU, where a small batch is less of a loss than on the tutorial's GPU.",
            "这里在 CPU 上测量；小批在 CPU 上的损失比在教程所用的 GPU 上小。",
        ),
    ),
    Claim(
        "batch_1024",
        1,
        Text("Batches of 1024 are faster still.", "批大小 1024 更快。"),
        (faster("rnn_b1024_p16", "rnn_b256_p16", "steps"),),
        Text("Both take the same number of operations.", "两者的运算量相同。"),
    ),
    Claim(
        "batch_free",
        1,
        Text("A larger batch costs no accuracy at equal epochs.", "轮数相同时，增大批大小不损失准确率。"),
        tuple(
            Comparison("dev_accuracy", f"rnn_b{rows}_p16", "rnn_b64_p16", "above", -POINT) for rows in LARGER_BATCHES
        ),
        Text(
            "At equal epochs a larger batch takes fewer steps.",
            "轮数相同时，批越大，更新步数越少。",
        ),
        figure="accuracy",
        ours=True,
    ),
    Claim(
        "batch_time",
        1,
        Text("In equal time a larger batch reaches more.", "时间相同时，较大的批达到更高的准确率。"),
        tuple(
            Comparison("dev_accuracy_at_time", f"rnn_b{rows}_p16", "rnn_b64_p16", "above", 0.0)
            for rows in LARGER_BATCHES
        ),
        Text("What the time saved is worth.", "看省下的时间值多少。"),
        ours=True,
    ),
    Claim(
        "smooth_steps",
        1,
        Text(
            "The curve of larger batches is smoother because training is, and not only because each point averages "
            "more.",
            "大批的曲线更平滑是因为训练更平稳，而不只是因为每个点平均了更多的行。",
        ),
        tuple(ratio("roughness_at_rows", f"rnn_b{rows}_p16", "rnn_b64_p16", "below") for rows in LARGER_BATCHES),
        Text(
            "Each point is averaged over 1,024 rows here, whatever the batch is.",
            "这里每个点都对 1024 行取平均，与批大小无关。",
        ),
        ours=True,
    ),
    Claim(
        "widths",
        1,
        Text(
            "Rows of 16 do better than rows of 7, and rows of 32 worse than those of 16.",
            "行长 16 好于行长 7，行长 32 差于行长 16。",
        ),
        (score("rnn_b256_p16", "rnn_b256_p7", "above"), score("rnn_b256_p16", "rnn_b256_p32", "above")),
        Text("Batches of 256.", "批大小为 256。"),
        figure="widths",
        drawn=GRID,
    ),
    Claim(
        "widths_by_batch",
        1,
        Text(
            "The same holds for batches of 64, 128 and 1024.",
            "批大小为 64、128 和 1024 时也是如此。",
        ),
        tuple(
            score(f"rnn_b{rows}_p16", f"rnn_b{rows}_p{width}", "above") for rows in (64, 128, 1024) for width in (7, 32)
        ),
        figure="widths",
        drawn=GRID,
        ours=True,
    ),
    Claim(
        "half_text",
        1,
        Text("Rows of 16 use only half the text.", "行长 16 只用到一半的文本。"),
        (Comparison("kept_share", "rnn_b256_p16", 0.5, "same", 0.05),),
        Text("The share of all characters of train that rows of 16 keep.", "行长 16 保留的训练集字符的比例。"),
    ),
    Claim(
        "out_of_reach",
        1,
        Text(
            "With rows of 16 the best result is out of reach: what is cut off costs accuracy.",
            "行长 16 达不到最好的结果：截掉的部分损失准确率。",
        ),
        (score("rnn_valid_p32", "rnn_valid_p16", "above"),),
        Text(
            "Both are read at the last token, so that padding costs neither of them anything.",
            "两者都读取最后一个字符处的状态，填充对两者都没有损失。",
        ),
    ),
    Claim(
        "forgets",
        1,
        Text(
            "The RNN fails at 32 because it forgets: its gradient vanishes over so many steps.",
            "RNN 在行长 32 时失败是因为遗忘：梯度经过这么多步消失了。",
        ),
        (
            score("rnn_b64_p32", CONVERGED, "below"),
            score("rnn_b64_p16", CONVERGED, "above"),
            score("rnn_valid_b64_p32", "rnn_b64_p32", "same", FAILURE_MARGIN),
            score("rnn_valid_p32", "rnn_b256_p32", "same", FAILURE_MARGIN),
        ),
        Text(
            "It has to fail first, and at 32 alone. If forgetting the text were the cause, reading the state at the "
            "last token, before the padding, would not help.",
            "首先它必须失败，而且只在 32 时失败。如果原因是忘了文本，"
            "那么在填充之前的最后一个字符处读取状态就不会有帮助。",
        ),
        figure="accuracy",
    ),
    Claim(
        "readout_by_width",
        1,
        Text(
            "Rows of 32 do worse than shorter ones, wherever the state is read.",
            "无论在哪里读取状态，行长 32 都差于较短的行。",
        ),
        (
            score("rnn_b256_p16", "rnn_b256_p32", "above"),
            score("rnn_valid_p16", "rnn_valid_p32", "above"),
            score("rnn_valid_p7", "rnn_valid_p32", "above"),
        ),
        Text(
            "At the last step of the padded row, and at the last token.",
            "分别在填充后的最后一步和最后一个字符处读取。",
        ),
        ours=True,
    ),
    Claim(
        "gradient_by_cell",
        1,
        Text(
            "The gradient of an RNN fades with distance; that of a GRU or an LSTM does not so.",
            "RNN 的梯度随距离衰减；GRU 和 LSTM 的梯度不这样衰减。",
        ),
        tuple(
            Comparison(measure, "rnn_valid_p32", other, "below", RELATIVE_MARGIN, ratio=True)
            for measure in ("far_gradient", "far_gradient_untrained")
            for other in ("gru_valid_p32", "lstm_valid_p32", 1.0)
        ),
        Text(
            "The norm of the loss's gradient at a token 12 steps before the one that is read, as a share of that at "
            "the one that is read.",
            "距读取处 12 步的字符的损失梯度范数，相对于读取处的字符。",
        ),
        figure="gradients",
        drawn=BY_CELL,
    ),
    Claim(
        "pretrained_vectors",
        1,
        Text(
            "Embeddings should start from pretrained vectors, which do better than random ones.",
            "词嵌入应从预训练向量开始，因为效果好于随机初始化。",
        ),
        (score("rnn_vectors", "rnn_b256_p16", "above"), score("rnn_vectors", "rnn_random_200", "above")),
        Text(
            "Pretrained ones have 200 values here; random ones have the tutorial's 300, and 200.",
            "这里预训练向量为 200 维；随机向量为教程的 300 维，以及 200 维。",
        ),
        figure="accuracy",
    ),
)
