"""Why claims came out as they did, written after the runs: each holds for the answers that were found alone."""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.study.claims.claim import Answer, Text

NOTHING = Text("", "")

# by claim: the answers to its comparisons, in their order, and what explains them
EXPLANATIONS: dict[str, tuple[str, Text]] = {
    "fails_at_32": (
        "yes no yes",
        Text(
            "What the tutorial saw is real: at 32 the RNN is far less accurate, and in most runs its accuracy falls "
            "again after a few epochs. But the weights that dev selects classify more than half of test correctly, "
            "and by the measure fixed beforehand that is convergence.",
            "教程看到的现象是真的：填充到 32 时，RNN 的准确率低得多，而且多数训练在几轮之后准确率又下降。但 dev "
            "选出的权重能正确分类超过一半的测试集，按事先定好的标准，这就算收敛。",
        ),
    ),
    "batch_128": (
        "yes no",
        Text(
            "The result is not about the same: batches of 128 are more accurate by more than a point.",
            "结果并非差别不大：批大小为 128 时准确率高出一个百分点以上。",
        ),
    ),
    "batch_256": (
        "yes yes",
        Text(
            "The loss of a batch is the mean of its rows. With four times as many rows the standard deviation of "
            "a mean is half as large, and this is the fall that was measured.",
            "一批的损失是其中各行的均值。行数增至四倍，均值的标准差就减半，测得的下降正是如此。",
        ),
    ),
    "batch_free": (
        "yes yes yes",
        Text(
            "With so many rows in train even the largest batch takes enough steps to reach the best accuracy.",
            "训练集的行数这么多，即使用最大的批，步数也足以达到最好的准确率。",
        ),
    ),
    "smooth_steps": (
        "no open open",
        Text(
            "Averaged over equally many rows, all curves jump by nearly the same amount. Most of the smoothness "
            "of larger batches is averaging.",
            "对同样多的行取平均之后，各条曲线的跳动幅度几乎相同。大批的曲线更平滑，主要是因为取了平均。",
        ),
    ),
    "widths": (
        "yes yes",
        Text(
            "At 7 most of a headline is cut off. At 32 most rows end in padding, and the RNN is read after it.",
            "填充到 7 时，标题的大部分被截掉。填充到 32 时，多数行以填充结尾，而 RNN 在填充之后才读取。",
        ),
    ),
    "half_text": (
        "no",
        Text(
            "Most headlines are only a little longer than 16 characters.",
            "多数标题只比 16 个字符略长。",
        ),
    ),
    "forgets": (
        "no yes no open",
        Text(
            "Read at the last token, before the padding, the same RNN is far more accurate. It can read texts of "
            "this length. What it cannot do well is to keep its state through the padding that follows.",
            "在填充之前的最后一个字符处读取，同样的 RNN 准确得多。这么长的文本它能读；它做不好的，是在后面的"
            "填充中保持状态。",
        ),
    ),
    "readout_by_width": (
        "yes no no",
        Text(
            "Read at the last token, padding costs nothing, and 32 characters hold more of the text than 7.",
            "在最后一个字符处读取时，填充没有代价，而 32 个字符比 7 个字符包含更多的文本。",
        ),
    ),
    "gradient_by_cell": (
        "open no no no no yes",
        Text(
            "Before training the gradient fades in all three cells, and least in the RNN: the gates of a GRU and "
            "an LSTM start half open, so they pass on about half of the state at each step. After training no "
            "gradient fades.",
            "训练前，三种单元的梯度都随距离衰减，RNN 衰减得最少：GRU 和 LSTM 的门开始时半开，每步只"
            "传递约一半的状态。训练后，三者的梯度都不再衰减。",
        ),
    ),
    "pretrained_vectors": (
        "open open",
        Text(
            "With so many labelled rows the embeddings are learned well from the task itself.",
            "有这么多带标签的行，任务本身就足以学好词嵌入。",
        ),
    ),
    "gradient_swings": (
        "yes no",
        Text(
            "The norm swings, but around a small value: it hardly ever reaches 5, where clipping starts.",
            "梯度范数确有波动，但平常的值很小，几乎从不达到开始裁剪的 5。",
        ),
    ),
    "clipping_steadies": (
        "no no",
        Text(
            "At this learning rate the norm hardly ever reaches 5, so clipping has nothing to do.",
            "在这个学习率下，梯度范数几乎从不达到 5，裁剪不起作用。",
        ),
    ),
    "clipping_steadies_fast": (
        "no no",
        Text(
            "Ten times the learning rate makes the gradient longer, but its norm is still rarely above 5.",
            "学习率为十倍时梯度更长，但范数仍很少超过 5。",
        ),
    ),
    "clipping_costs_nothing": (
        "yes yes",
        Text(
            "Few gradients are so long that they are clipped.",
            "长到需要裁剪的梯度很少。",
        ),
    ),
    "hundred_epochs": (
        "no",
        Text(
            "Dev accuracy is at its best in the first half of training. After that the network only fits train better.",
            "dev 准确率在前一半训练中就达到最好，此后网络只是更贴合训练集。",
        ),
    ),
    "chosen_by_test": (
        "open",
        Text(
            "Accuracy varies from epoch to epoch by chance. The largest of a hundred values is above what such a "
            "network has on new rows.",
            "各轮的准确率有偶然的波动。一百个值中的最大值，高于这样的网络在新数据上的准确率。",
        ),
    ),
    "lstm_cures": (
        "no yes yes",
        Text(
            "The LSTM is far more accurate there. The claim lacks its first part: by the measure fixed "
            "beforehand the RNN does not fail.",
            "LSTM 在那里准确得多。不成立的是说法的前一半：按事先定好的标准，RNN 并没有失败。",
        ),
    ),
    "fewer_parameters": (
        "yes",
        Text(
            "A layer of an LSTM has four blocks of weights, for three gates and the candidate. That of a GRU has "
            "three.",
            "LSTM 的一层有四块权重：三个门和候选状态。GRU 的一层有三块。",
        ),
    ),
    "class_weights": (
        "no",
        Text(
            "The weights make the tagger find somewhat more entities, and tag far more that are none. F1 counts both.",
            "加权使标注器多找到一些实体，却把多得多的非实体标成实体。F1 两者都计入。",
        ),
    ),
}


def explain(claim: str, answers: Sequence[Answer | None]) -> Text:
    """What explains these answers to the comparisons of a claim, None for one without evidence; empty if unknown."""
    explained, text = EXPLANATIONS.get(claim, ("", NOTHING))
    return text if explained.split() == list(answers) else NOTHING
