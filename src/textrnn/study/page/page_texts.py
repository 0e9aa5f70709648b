"""The texts of the study's page, in English and in Chinese."""

from __future__ import annotations

from textrnn.study.claims.claim import Language, Text

PARTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "The study",
        "links": "English | [中文](study.zh-CN.md)",
        "intro": "After this page you know which claims of the five tutorials hold, by how much, and how certain that "
        "is.",
        "counts": "Of {all} claims, {counts}. {scale}.",
        "count": "{count} are {verdict}",
        "comma": ", ",
        "repeat": "`{command}` makes the runs and this page. `CLAIMS=<keys>` limits it to some claims; their keys are "
        "in parentheses.",
        "see_rules": "What the scores, intervals and answers mean stands at the [end](#rules).",
        "rules": "How the claims were judged",
        "table": "| | claim | verdict |",
        "verdict": "**{verdict}.** (`{key}`)",
        "found": "Found:",
        "judged": "How it was judged: {note}",
        "why": "Why: {note}",
        "p": "After Holm's correction: p of support {support}, p of refutation {against}.",
        "ours": "The tutorial does not claim this; it is tested in addition.",
        "tutorial": "Tutorial {number}: {subject}",
    },
    "zh": {
        "title": "研究",
        "links": "[English](study.md) | 中文",
        "intro": "读完本页，您会知道五篇教程的哪些说法成立、相差多少、有多大把握。",
        "counts": "共 {all} 条说法：{counts}。{scale}。",
        "count": "{count} 条{verdict}",
        "comma": "，",
        "repeat": "`{command}` 完成全部训练并生成本页；加上 `CLAIMS=<keys>` 则只做部分说法的训练，key 在括号中。",
        "see_rules": "得分、区间和答案的含义见[文末](#rules)。",
        "rules": "怎样判断这些说法",
        "table": "| | 说法 | 结论 |",
        "verdict": "**{verdict}。**（`{key}`）",
        "found": "结果：",
        "judged": "如何判断：{note}",
        "why": "原因：{note}",
        "p": "Holm 校正后：支持该说法的 p {support}，反驳该说法的 p {against}。",
        "ours": "教程没有这样说，这是另外检验的。",
        "tutorial": "教程 {number}：{subject}",
    },
}
RULES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Comparisons and margins were fixed before the runs. Each variant has five seeds, or three if a run takes more "
        "than about five minutes.",
        "The score is accuracy; of a model that tags entities, it is the F1 of entities. It is that of the weights "
        "that "
        "the loss on dev selects, not of those at the end of training.",
        "A bracket is a {level} interval by Student's t over seeds. For scores on test, the chance of the test rows is "
        "added to it, from {resamples} resamples of the rows. Differences are paired by seed if both sides have the "
        "same number of seeds.",
        "Each comparison has an answer of its own: yes or no if its p is at most {alpha}, otherwise open. For "
        "changes in "
        "percent the margin is 5%: a value is below another if it is less than 1/1.05 of it, that is -4.8%.",
        "A claim needs a yes to all its comparisons, so its p of support is the largest of theirs. One no is enough to "
        "refute it: its p of refutation is the smallest p of a no, multiplied by the number of comparisons. Holm's "
        "method corrects both over all claims, also over those not run yet. At {alpha} or less the claim is supported, "
        "or not supported; otherwise it is undecided. The answers of single comparisons are not corrected, so a claim "
        "with a no can still be undecided.",
        "The test of scores was changed once, after 141 runs were made. [Design](design.md#the-study) says why, and "
        "what "
        "it changed.",
        "A run that diverged has a score on test, but no loss curve and no seconds. Seconds of training count only if "
        "each run had its machine to itself and all machines are of one kind.",
        "In figures with a row for each variant, the line is the interval, its dot the mean, and the other dots are "
        "seeds.",
        "An explanation was written after the runs. It is shown only if its comparisons have the answers that it "
        "explains.",
        "Verdicts hold for these corpora, sizes and epochs.",
    ),
    "zh": (
        "比较哪些量、界限是多少，都在运行之前定好。每种设置有五个种子；一次训练超过约五分钟的只有三个。",
        "得分指准确率；标注实体的模型指实体 F1。得分取自按 dev 损失选出的权重，而不是训练结束时的权重。",
        "方括号中是 {level} 区间，按各种子的结果用 t 分布计算；测试集得分的区间再加上测试行的偶然性"
        "（对测试行重抽样 {resamples} 次）。两边种子数相同时，差值按种子配对计算。",
        "每项比较各有答案：p 不超过 {alpha} 时为满足或不满足，否则为无法判断。以百分比表示的变化，界限是 5%："
        "小于另一个值的 1/1.05，即 -4.8%，才算低于它。",
        "全部比较都满足，说法才成立，所以支持该说法的 p 取各项比较中最大的 p。只要有一项不满足，就足以反驳它："
        "反驳该说法的 p 取“不满足”的 p 中最小的一个，乘以比较的项数。两者都对全部说法做 Holm 校正，尚未运行的也计算在"
        "内。"
        "p 值不超过 {alpha} 时判为成立或不成立，否则为未定。单项比较的答案未经校正，所以有一项不满足的说法仍可能未定。",
        "完成 141 次训练之后，得分的检验方法改过一次；原因和影响见[设计说明](design.md#the-study)（英文）。",
        "发散的训练只有测试集得分，没有损失曲线和用时。只有各次训练都独占机器，且机器型号相同，才比较训练用时。",
        "每种设置占一行的图中，线段是区间，线段上的点是均值，其余的点是各个种子。",
        "“原因”是运行之后写的；只有各项比较的答案与它所解释的一致，才会显示。",
        "结论只对这些语料、规模和轮数有效。",
    ),
}
REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "yes": "Undecided, although each comparison is a yes: after the correction over all claims p is too large.",
        "no": "Undecided, although a comparison is a no: after the correction over all claims p is too large.",
        "open": "Undecided, as an open comparison is too close to its limit for so few measurements.",
    },
    "zh": {
        "yes": "虽然每项比较都满足，但对全部说法校正之后 p 太大，所以结论未定。",
        "no": "虽然有一项比较不满足，但对全部说法校正之后 p 太大，所以结论未定。",
        "open": "有的比较离界限太近，测量次数太少，不足以判断，所以结论未定。",
    },
}
VERDICTS: dict[Language, dict[str, str]] = {
    "en": {name: name for name in ("supported", "not supported", "undecided", "not run yet")},
    "zh": {"supported": "成立", "not supported": "不成立", "undecided": "未定", "not run yet": "尚未运行"},
}


SUBJECTS = {
    1: Text("an RNN on headlines", "用 RNN 给新闻标题分类"),
    2: Text("a bidirectional GRU on names", "用双向 GRU 判断姓氏所属的国家"),
    3: Text(
        "a bidirectional LSTM on headlines, with and without LayerNorm",
        "用双向 LSTM 给新闻标题分类，有 LayerNorm 和没有 LayerNorm",
    ),
    4: Text("a GRU from scratch for Chinese named entities", "从零实现 GRU，做中文命名实体识别"),
    5: Text("an LSTM for the sentiment of reviews", "用 LSTM 判断评论的情感"),
}
