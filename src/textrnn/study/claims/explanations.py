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
            "a mean is half as large, and this is nearly all of the fall.",
            "一批的损失是其中各行的均值。行数增至四倍，均值的标准差就减半，下降的幅度几乎全部来自这里。",
        ),
    ),
    "batch_free": (
        "yes yes yes",
        Text(
            "With batches of 64 the loss on train itself stays higher. Batches of 1,024 take the fewest steps "
            "and still improve at the end, but by then they have passed those of 64.",
            "批大小为 64 时，训练集上的损失本身就更高。批大小为 1024 时步数最少，到结束时仍在提高，但已经超过 64。",
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
            "At 7 most of a headline is cut off. At 32 nearly all rows end in padding, and the RNN is read after it.",
            "填充到 7 时，标题的大部分被截掉。填充到 32 时，几乎所有的行都以填充结尾，而 RNN 在填充之后才读取。",
        ),
    ),
    "half_text": (
        "no",
        Text(
            "Some headlines fit whole, and most others lose only their last few characters.",
            "一部分标题能完整放下，其余的多数只丢掉末尾几个字符。",
        ),
    ),
    "forgets": (
        "no yes no open",
        Text(
            "Read at the last token, before the padding, the same RNN is far more accurate: it can read texts of "
            "this length, and loses them in the padding. With batches of 64 the padding costs far more than with "
            "batches of 256. Nor does the gradient vanish: once trained, it is about as large at the first steps "
            "as at the last.",
            "在填充之前的最后一个字符处读取，同样的 RNN 准确得多：这么长的文本它能读，信息是在填充中丢失的。"
            "批大小为 64 时，填充的代价远大于 256 时。梯度也没有消失：训练之后，最初几步的梯度与最后几步"
            "的大小相近。",
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
        "open open no no no yes",
        Text(
            "Before training the gradient fades in all three cells, at similar rates. After training it fades in none "
            "of them over this distance.",
            "训练前，三种单元的梯度都随距离衰减，快慢相近。训练后，在这个距离之内，三者都不再衰减。",
        ),
    ),
    "pretrained_vectors": (
        "open open",
        Text(
            "Pretrained vectors only give a better start. With so many labelled rows random ones catch up within "
            "the epochs of training.",
            "预训练向量只是起点更好。带标签的行这么多，随机向量在训练过程中就赶上了。",
        ),
    ),
    "gradient_swings": (
        "yes no",
        Text(
            "The norm swings, but around a small value: it stays below 5, where clipping starts.",
            "梯度范数确有波动，但平常的值很小，达不到开始裁剪的 5。",
        ),
    ),
    "clipping_steadies": (
        "no no",
        Text(
            "At this learning rate the norm stays below 5, so clipping has nothing to do.",
            "在这个学习率下，梯度范数达不到 5，裁剪不起作用。",
        ),
    ),
    "clipping_steadies_fast": (
        "no no",
        Text(
            "At ten times the learning rate the norm is larger, but still rarely above 5.",
            "学习率为十倍时梯度范数更大，但仍很少超过 5。",
        ),
    ),
    "clipping_costs_nothing": (
        "yes yes",
        Text(
            "At the tutorial's learning rate no gradient is clipped, and at ten times that rate hardly any.",
            "用教程的学习率时没有梯度被裁剪，学习率为十倍时也几乎没有。",
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
            "Test accuracy is at its best a few epochs after the loss on dev is at its lowest. In which epoch "
            "exactly is chance.",
            "dev 损失达到最低之后再过几轮，测试集准确率才最高；究竟是哪一轮，有偶然性。",
        ),
    ),
    "lstm_cures": (
        "no yes yes",
        Text(
            "The LSTM is far more accurate there. Only the first half of the claim fails: by the measure fixed "
            "beforehand the RNN converges too.",
            "LSTM 在那里准确得多。不成立的只是说法的前一半：按事先定好的标准，RNN 也收敛。",
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
