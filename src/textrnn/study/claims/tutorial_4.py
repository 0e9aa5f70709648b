"""Tutorial 4: a GRU from scratch, and a tagger of entities with it."""

from __future__ import annotations

from textrnn.study.claims.claim import POINT, RELATIVE_MARGIN, Claim, Comparison, Text, faster, score

EQUAL = 1e-6  # the tolerance of the tutorial's own comparison
EXACT = 1e-9
TAGGER = Text(
    "The tagger has a width of 128 and learns at a rate of 0.001 for 5 epochs; the tutorial's has 768, 0.00001 and 50.",
    "这里的标注器宽 128，学习率 0.001，训练 5 轮；教程用的是 768、0.00001 和 50 轮。",
)

CLAIMS = (
    Claim(
        "scratch_equal",
        4,
        Text(
            "The GRU from scratch computes what nn.GRU does, to 1e-6.",
            "从零实现的 GRU 与 nn.GRU 的结果一致，误差在 1e-6 以内。",
        ),
        tuple(
            Comparison(measure, name, 0.0, "same", EQUAL)
            for name in ("equations", "kernels")
            for measure in ("output_difference", "gradient_difference")
        ),
        Text(
            "In float64. Differences of gradients are relative to the largest gradient of the same weight.",
            "用 float64。梯度之差相对于同一权重的最大梯度。",
        ),
    ),
    Claim(
        "scratch_cost",
        4,
        Text(
            "A loop over the steps in Python is slower than nn.GRU.",
            "用 Python 循环逐步计算，比 nn.GRU 慢。",
        ),
        (Comparison("step_seconds", "equations", "nn_gru", "above", RELATIVE_MARGIN, ratio=True),),
        Text(
            "The tutorial shows the loop so that readers understand it, and says nothing of its cost. Both were "
            "timed in "
            "turn, on a machine that was not always idle.",
            "教程写这个循环是为了便于理解，没有谈到它的代价。两者轮流计时，机器当时并非一直空闲。",
        ),
        ours=True,
    ),
    Claim(
        "gates",
        4,
        Text(
            "With the update gate closed and the reset gate open a GRU is a plain RNN; with the update gate open it "
            "keeps its state.",
            "更新门关闭、重置门打开时，GRU 就是普通 RNN；更新门打开时，状态保持不变。",
        ),
        (
            Comparison("state_difference", "plain", 0.0, "same", EQUAL),
            Comparison("state_difference", "kept", 0.0, "same", EQUAL),
        ),
        Text(
            "Measured in float64, the largest difference between the states and what they should be: with z = 0 and "
            "r = 1 those of an nn.RNN with the weights of the candidate state, with z = 1 the initial state.",
            "测量的是状态的最大差（float64）：前者与采用候选状态权重的 nn.RNN 的状态相比，后者与初始状态相比。",
        ),
    ),
    Claim(
        "fewer_parameters",
        4,
        Text(
            "A GRU has fewer parameters than an LSTM of its width: three quarters.",
            "状态维数相同时，GRU 的参数比 LSTM 少，是后者的四分之三。",
        ),
        (Comparison("parameter_share", "nn_gru", 0.75, "same", EXACT),),
        Text("Counted of torch's layers: exactly 3/4.", "按 torch 的层计数：恰为 3/4。"),
    ),
    Claim(
        "gru_for_lstm",
        4,
        Text("A GRU does what an LSTM does at less cost.", "GRU 以更小的代价达到 LSTM 的效果。"),
        (score("bigru_b256", "bilstm_b256", "above", -POINT), faster("bigru_b256", "bilstm_b256", "flops")),
        Text(
            "On headlines, in both directions. The GRU may be at most one point less accurate.",
            "在新闻标题上，两者都是双向。允许 GRU 的准确率至多低一个百分点。",
        ),
        figure="accuracy",
    ),
    Claim(
        "gru_on_long_texts",
        4,
        Text(
            "On long texts the gates of a GRU make it more accurate than an RNN.",
            "在长文本上，GRU 靠门控比 RNN 更准确。",
        ),
        (score("films_gru", "films_rnn", "above"), score("ner_gru", "ner_rnn", "above")),
        Text(
            "Film reviews, cut to their first 200 words and read at the last one; and sentences, tagged at each "
            f"character. {TAGGER.en}",
            f"影评截取前 200 词，在最后一个词处读取；句子逐字标注。{TAGGER.zh}",
        ),
        figure="accuracy",
    ),
    Claim(
        "class_weights",
        4,
        Text(
            "Entities are rare, so the loss gives them ten times the weight: that raises their F1.",
            "实体很少见，因此在损失中给它们十倍的权重：这会提高实体 F1。",
        ),
        (score("ner_gru", "ner_unweighted", "above"),),
        Text(f"The score is the F1 of exact entities. {TAGGER.en}", f"得分为实体完全匹配的 F1。{TAGGER.zh}"),
    ),
)
