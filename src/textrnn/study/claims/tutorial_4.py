"""Tutorial 4: a GRU from scratch, and a tagger of entities with it."""

from __future__ import annotations

from textrnn.study.claims.claim import POINT, RELATIVE_MARGIN, Claim, Comparison, Text, faster, score

EQUAL = 1e-6  # the tolerance of the tutorial's own comparison
EXACT = 1e-9

CLAIMS = (
    Claim(
        "scratch_equal",
        4,
        Text(
            "The GRU from scratch computes what nn.GRU does, to 1e-6.",
            "从零写的 GRU 与 nn.GRU 的结果一致，误差在 1e-6 以内。",
        ),
        tuple(
            Comparison(measure, name, 0.0, "same", EQUAL)
            for name in ("equations", "kernels")
            for measure in ("output_difference", "gradient_difference")
        ),
        Text(
            "In float64; gradients are relative to the largest of their weight.",
            "用 float64；梯度差相对于该权重的最大梯度。",
        ),
    ),
    Claim(
        "scratch_cost",
        4,
        Text(
            "A loop over the steps in Python costs time against nn.GRU.",
            "用 Python 逐步循环比 nn.GRU 慢。",
        ),
        (Comparison("step_seconds", "equations", "nn_gru", "above", RELATIVE_MARGIN, ratio=True),),
        Text(
            "The tutorial shows the loop to be understood and says nothing of its cost.",
            "教程写这个循环是为了便于理解，没有谈到它的代价。",
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
            "The largest difference of a state, in float64: from an nn.RNN with the weights of the candidate, and from "
            "the state at the start.",
            "状态的最大差（float64）：分别与使用候选状态权重的 nn.RNN 和初始状态比较。",
        ),
    ),
    Claim(
        "fewer_parameters",
        4,
        Text(
            "A GRU has fewer parameters than an LSTM of its width: three quarters.",
            "同样宽度下 GRU 的参数比 LSTM 少：为四分之三。",
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
            "On headlines, in both directions; no worse is one point of accuracy at most.",
            "在新闻标题上，双向；“不差”指准确率至多低一个百分点。",
        ),
        figure="accuracy",
    ),
    Claim(
        "gru_on_long_texts",
        4,
        Text(
            "Its gates carry a GRU over long texts, where an RNN fails.",
            "在长文本上，门使 GRU 有效，而 RNN 失败。",
        ),
        (score("films_gru", "films_rnn", "above"), score("ner_gru", "ner_rnn", "above")),
        Text(
            "Reviews of up to 200 words, read at the last one; and sentences, tagged at each character.",
            "至多 200 词的影评，在最后一个词处读取；以及逐字标注的句子。",
        ),
        figure="accuracy",
    ),
    Claim(
        "class_weights",
        4,
        Text(
            "Entities weigh ten times as much in the loss, as they are rare: that raises their F1.",
            "实体很少，因此在损失中权重为十倍：这提高了实体 F1。",
        ),
        (score("ner_gru", "ner_unweighted", "above"),),
        Text("F1 of exact entities on test.", "测试集上实体完全匹配的 F1。"),
    ),
)
