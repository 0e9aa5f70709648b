"""The texts of the study's page, in English and in Chinese."""

from __future__ import annotations

from textrnn.study.claims.claim import Language, Text

PARTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "The study",
        "links": "English | [中文](study.zh-CN.md)",
        "intro": "After this page you can say of each claim of the five tutorials whether it holds, by how much, and "
        "how certain that is.",
        "counts": "Of {all} claims, {counts}. {scale}.",
        "count": "{count} are {verdict}",
        "comma": ", ",
        "repeat": "`{command}` makes the runs and this page. `CLAIMS=<keys>` limits it to some claims; their keys are "
        "in parentheses.",
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
        "intro": "读完本页，您可以说出五篇教程的每一条说法是否成立、相差多少、有多大把握。",
        "counts": "共 {all} 条说法：{counts}。{scale}。",
        "count": "{count} 条{verdict}",
        "comma": "，",
        "repeat": "`{command}` 完成全部训练并生成本页；加上 `CLAIMS=<keys>` 则只做部分说法的训练，key 在括号中。",
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
        "Comparisons and margins were fixed before the runs. A claim is supported only if all its comparisons are.",
        "The score is accuracy; of a model that tags entities, it is the F1 of entities.",
        "A bracket is a {level} interval by Student's t over seeds. For scores on test, the chance of the test rows is "
        "added to it, from resampled rows (the Behrens-Fisher test). Differences are paired by seed.",
        "Each comparison has an answer of its own: yes, no, or open where its p is above {alpha}. These answers are "
        "not corrected, so a claim with a no can still be undecided. A claim's p of support is the largest p of its "
        "comparisons; its p of refutation is the smallest p of the opposite, times their number. Holm's method "
        "corrects both over all claims, also over those not run yet. At {alpha} or less the claim is supported, or not "
        "supported; otherwise it is undecided. A run that diverged counts as not measured.",
        "Seconds count only if each run had its machine to itself and all machines are of one kind.",
        "An explanation was written after the runs. It is shown only if its comparisons have the answers that it "
        "explains.",
        "Verdicts hold for these corpora, sizes and epochs.",
    ),
    "zh": (
        "比较哪些量、界限是多少，都在运行之前定好。全部比较都成立，一条说法才成立。",
        "得分指准确率；标注实体的模型指实体 F1。",
        "方括号中是 {level} 区间，按各种子的结果用 t 分布计算；测试集得分的区间再加上测试行的偶然性"
        "（对测试行重抽样，Behrens-Fisher 检验）。差值按种子配对计算。",
        "每项比较各有答案：满足、不满足，或 p 大于 {alpha} 时未定。这些答案未经校正，所以有一项不满足的说法仍可能未定。"
        "说法的支持的 p 取各项比较中最大的一个；反驳的 p 取相反结论的 p 中最小的一个，再乘以比较的项数。"
        "两者都对全部说法做 Holm 校正，尚未运行的也计算在内。"
        "p 值不超过 {alpha} 时判为成立或不成立，否则为未定。发散的运行视为未测量。",
        "只有各次运行都独占机器，且机器型号相同，才比较用时。",
        "“原因”是运行之后写的；只有各项比较的答案与它所解释的一致，才会显示。",
        "结论只对这些语料、规模和轮数有效。",
    ),
}
REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "yes": "Undecided, although each comparison is a yes: after the correction over all claims p is too large.",
        "no": "Undecided, although a comparison is a no: after the correction over all claims p is too large.",
        "open": "Undecided, as an open comparison is too close to its limit for so few seeds.",
    },
    "zh": {
        "yes": "虽然每项比较都满足，但对全部说法校正之后 p 太大，所以结论未定。",
        "no": "虽然有一项比较不满足，但对全部说法校正之后 p 太大，所以结论未定。",
        "open": "有的比较离界限太近，这几个种子不足以判断，所以结论未定。",
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
