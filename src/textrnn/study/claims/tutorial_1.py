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
SAME_WORK = Text(
    "Both take the same number of operations. The number of steps follows from the size of batches alone.",
    "两者的运算量相同。步数只取决于批大小。",
)
THIRD = 2.0  # as a margin of a ratio: 1 / (1 + 2)

CLAIMS = (
    Claim(
        "fails_at_32",
        1,
        Text(
            "With batches of 64 the RNN does not converge on headlines padded to 32 characters; padded to 16, it does.",
            "批大小为 64 时，标题填充到 32 个字符，RNN 就不收敛；填充到 16 个字符则收敛。",
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
            "Batches of 128 give a smoother loss curve than batches of 64, and about the same result.",
            "批大小为 128 时损失曲线比 64 时更平滑，结果差别不大。",
        ),
        (smoother("rnn_b128_p16", "rnn_b64_p16"), score("rnn_b128_p16", "rnn_b64_p16", "same", POINT)),
        Text(
            "About the same means that the accuracy differs by at most one point.",
            "“差别不大”指准确率相差至多一个百分点。",
        ),
        figure="losses",
        drawn=BY_BATCH,
    ),
    Claim(
        "batch_256",
        1,
        Text(
            "Batches of 256 train more smoothly and faster than batches of 64.",
            "批大小为 256 时，训练比 64 时更平滑、更快。",
        ),
        (smoother("rnn_b256_p16", "rnn_b64_p16"), faster("rnn_b256_p16", "rnn_b64_p16", "steps")),
        SAME_WORK,
    ),
    Claim(
        "batch_256_time",
        1,
        Text(
            "Batches of 256 train in 5 minutes, batches of 64 in 18: less than a third of the time.",
            "批大小为 256 时训练只要 5 分钟，64 时要 18 分钟：不到三分之一。",
        ),
        (Comparison("seconds", "rnn_b256_p16", "rnn_b64_p16", "below", THIRD, ratio=True),),
        Text(
            "Measured on a CPU. Small batches cost more on a GPU such as the tutorial's.",
            "这里在 CPU 上测量；在教程所用的 GPU 上，小批量的代价更大。",
        ),
    ),
    Claim(
        "batch_1024",
        1,
        Text("Batches of 1024 are faster than batches of 256.", "批大小为 1024 时比 256 时更快。"),
        (faster("rnn_b1024_p16", "rnn_b256_p16", "steps"),),
        SAME_WORK,
    ),
    Claim(
        "batch_free",
        1,
        Text("A larger batch costs no accuracy at equal epochs.", "轮数相同时，增大批大小不会降低准确率。"),
        tuple(
            Comparison("dev_accuracy", f"rnn_b{rows}_p16", "rnn_b64_p16", "above", -POINT) for rows in LARGER_BATCHES
        ),
        Text("At equal epochs a larger batch takes fewer steps.", "轮数相同时，批越大，更新步数越少。"),
        figure="accuracy",
        ours=True,
    ),
    Claim(
        "batch_time",
        1,
        Text("In equal time a larger batch reaches more.", "训练时间相同时，批越大，准确率越高。"),
        tuple(
            Comparison("dev_accuracy_at_time", f"rnn_b{rows}_p16", "rnn_b64_p16", "above", 0.0)
            for rows in LARGER_BATCHES
        ),
        Text(
            "All batch sizes get the time that the fastest needs for its 7 epochs.",
            "每种批大小都只用最快者训练 7 轮所需的时间。",
        ),
        ours=True,
    ),
    Claim(
        "smooth_steps",
        1,
        Text(
            "The loss curve of larger batches is smoother because training is, not only because each of its points "
            "averages more rows.",
            "批越大，损失曲线越平滑，是因为训练更平稳，而不只是因为每个点对更多的行取了平均。",
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
            "Padding to 16 does better than padding to 7, and padding to 32 does worse than padding to 16.",
            "填充到 16 好于填充到 7，填充到 32 差于填充到 16。",
        ),
        (score("rnn_b256_p16", "rnn_b256_p7", "above"), score("rnn_b256_p16", "rnn_b256_p32", "above")),
        Text("With batches of 256.", "批大小为 256。"),
        figure="widths",
        drawn=GRID,
        ours=True,
    ),
    Claim(
        "widths_by_batch",
        1,
        Text(
            "Padding to 16 is best with batches of 64, 128 and 1024 too.",
            "批大小为 64、128 和 1024 时，填充到 16 也最好。",
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
        Text("Cutting headlines at 16 characters keeps only half of the text.", "截断到 16 个字符只用到一半的文本。"),
        (Comparison("kept_share", "rnn_b256_p16", 0.5, "same", 0.05),),
        Text(
            "Measured: the share of all characters of train that are kept.", "测量的是训练集全部字符中保留下来的比例。"
        ),
    ),
    Claim(
        "out_of_reach",
        1,
        Text(
            "Cutting at 16 keeps the best result out of reach: the characters that are cut off cost accuracy.",
            "截断到 16 个字符达不到最好的结果：截掉的字符使准确率下降。",
        ),
        (score("rnn_valid_p32", "rnn_valid_p16", "above"),),
        Text(
            "Both are read at the last token, so that padding costs neither of them anything.",
            "两者都读取最后一个字符处的状态，因此填充对两者都没有影响。",
        ),
    ),
    Claim(
        "forgets",
        1,
        Text(
            "The RNN fails at 32 because the text is too long for it: its gradient vanishes over so many steps.",
            "RNN 在填充到 32 时失败，是因为文本太长：梯度经过这么多步就消失了。",
        ),
        (
            score("rnn_b64_p32", CONVERGED, "below"),
            score("rnn_b64_p16", CONVERGED, "above"),
            score("rnn_valid_b64_p32", "rnn_b64_p32", "same", FAILURE_MARGIN),
            score("rnn_valid_p32", "rnn_b256_p32", "same", FAILURE_MARGIN),
        ),
        Text(
            "The claim needs that the RNN fails at 32 and not at 16, and that reading the state at the last token, "
            "before the padding, does not help. If it helps, texts of this length are not too long for the RNN: it "
            "loses them only in the padding that follows.",
            "说法要求 RNN 在填充到 32 时失败，填充到 16 时不失败，并且在填充之前的最后一个字符处读取状态没有帮助。"
            "如果有帮助，这样长的文本对 RNN 就不算太长：信息只是在后面的填充中丢失的。",
        ),
        figure="accuracy",
    ),
    Claim(
        "readout_by_width",
        1,
        Text(
            "Padding to 32 does worse than 16, wherever the state is read, and at the last token worse than 7, too.",
            "无论在哪里读取状态，填充到 32 都差于填充到 16；在最后一个字符处读取时也差于填充到 7。",
        ),
        (
            score("rnn_b256_p16", "rnn_b256_p32", "above"),
            score("rnn_valid_p16", "rnn_valid_p32", "above"),
            score("rnn_valid_p7", "rnn_valid_p32", "above"),
        ),
        Text(
            "Read at the last step of the padded row, and at the last token.",
            "分别在填充后的最后一步和最后一个字符处读取。",
        ),
        ours=True,
    ),
    Claim(
        "gradient_by_cell",
        1,
        Text(
            "The gradient of an RNN fades with distance more than that of a GRU or an LSTM.",
            "RNN 的梯度随距离衰减，比 GRU 和 LSTM 的梯度衰减得更多。",
        ),
        tuple(
            Comparison(measure, "rnn_valid_p32", other, "below", RELATIVE_MARGIN, ratio=True)
            for measure in ("far_gradient", "far_gradient_untrained")
            for other in ("gru_valid_p32", "lstm_valid_p32", 1.0)
        ),
        Text(
            "Measured: the norm of the loss's gradient at a token 12 steps before the one that is read, divided by "
            "the norm at the one that is read.",
            "测量的是：损失对读取处之前 12 步的字符的梯度范数，除以对读取处字符的梯度范数。",
        ),
        figure="gradients",
        drawn=BY_CELL,
    ),
    Claim(
        "pretrained_vectors",
        1,
        Text(
            "Embeddings should start from pretrained vectors, which do better than random ones.",
            "词嵌入应以预训练向量为初始值，效果好于随机初始化。",
        ),
        (score("rnn_vectors", "rnn_b256_p16", "above"), score("rnn_vectors", "rnn_random_200", "above")),
        Text(
            "The pretrained vectors have 200 dimensions; the random ones have 300, as in the tutorial, and 200.",
            "这里预训练向量为 200 维；随机向量为教程的 300 维，以及 200 维。",
        ),
        figure="accuracy",
        ours=True,
    ),
)
