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
        Text("More layers would.", "更多的层会提高准确率。"),
        (score("films_layers", "films_lstm", "above"),),
        Text("Two layers in place of one.", "两层代替一层。"),
        figure="accuracy",
    ),
    Claim(
        "directions_help",
        5,
        Text("Both directions would.", "双向会提高准确率。"),
        (score("films_both_ways", "films_lstm", "above"),),
        figure="accuracy",
    ),
    Claim(
        "enough_rows",
        5,
        Text(
            "An untuned LSTM classifies 93.9% of Amazon's reviews correctly after training on 800,000.",
            "未调参的 LSTM 在 80 万条亚马逊评论上训练后，准确率为 93.9%。",
        ),
        tuple(Comparison("accuracy_at_800000", curve, ACCURACY, "same", POINT) for curve in CURVES),
        Text(
            "Extrapolated: the error falls as a power of the number of rows, fitted to the points that there are. A "
            "much smaller LSTM, on films and on the few of Amazon's reviews that are to be had: what is compared is "
            "whether the trend leads there, and no trend is sure so far beyond its points.",
            "这是外推：错误率按行数的幂下降，由已有的点拟合。模型小得多，语料是影评和能得到的少量亚马逊评论："
            "比较的是趋势是否通向这个结果；离已有的点这么远，任何趋势都不确定。",
        ),
        figure="learning_curve",
    ),
)
