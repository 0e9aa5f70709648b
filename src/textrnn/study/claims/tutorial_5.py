"""Tutorial 5: an LSTM on reviews, and what would improve it."""

from __future__ import annotations

from textrnn.study.claims.claim import POINT, Claim, Comparison, Text, score

FILMS = ("films_2500", "films_5000", "films_lstm", "films_20000")
REVIEWS = ("reviews_1250", "reviews_2500", "reviews_5000")
ROWS, ACCURACY = 800_000, 0.93906  # of the tutorial
CURVES = {"films_curve": FILMS, "reviews_curve": REVIEWS}  # the points of each learning curve

CLAIMS = (
    Claim(
        "vectors_help",
        5,
        Text("Pretrained vectors would raise the accuracy.", "预训练词向量会提高准确率。"),
        (score("films_vectors", "films_lstm", "above"),),
        Text(
            "Vectors learned beforehand from the texts of all of train, without their labels.",
            "词向量事先从全部训练文本中学得，不用标签。",
        ),
        figure="accuracy",
    ),
    Claim(
        "layers_help",
        5,
        Text("More layers would raise the accuracy.", "增加层数会提高准确率。"),
        (score("films_layers", "films_lstm", "above"),),
        Text(
            "Two layers instead of one, both of width 64. The tutorial's model has two layers of width 512 already.",
            "用两层代替一层，宽度都是 64。教程的模型本来就有两层，宽 512。",
        ),
        figure="accuracy",
    ),
    Claim(
        "directions_help",
        5,
        Text("Reading in both directions would raise the accuracy.", "双向读取会提高准确率。"),
        (score("films_both_ways", "films_valid", "above"),),
        Text(
            "One direction is read at the last word, the other at the first, and neither reads padding.",
            "一个方向在最后一个词处读取，另一个方向在第一个词处读取，两者都不读填充。",
        ),
        figure="accuracy",
    ),
    Claim(
        "enough_rows",
        5,
        Text(
            "An untuned LSTM, trained on 800,000 Amazon reviews, reaches an accuracy of 93.9%.",
            "未调参的 LSTM 在 80 万条亚马逊评论上训练后，准确率为 93.9%。",
        ),
        tuple(Comparison("accuracy_at_800000", curve, ACCURACY, "same", POINT) for curve in CURVES),
        Text(
            "This is an extrapolation: the error is assumed to fall as a power of the number of rows, and the power is "
            "fitted to the points that were measured. The LSTM is much smaller than the tutorial's, and it reads film "
            "reviews and the few Amazon reviews that are available. The interval has the chance of seeds and test "
            "rows, "
            "not that the law may be wrong. So far beyond its points no trend is certain.",
            "这是外推：假定错误率随行数按幂律下降，指数由测得的点拟合。这里的 LSTM 比教程的小得多，"
            "语料是影评和能得到的少量亚马逊评论。区间只含种子和测试行的偶然性，不含幂律不成立的可能。"
            "离测得的点这么远，任何趋势都不确定。",
        ),
        figure="learning_curve",
    ),
)
