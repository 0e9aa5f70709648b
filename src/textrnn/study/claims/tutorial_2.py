"""Tutorial 2: a bidirectional GRU that tells a surname's country, and the swings of its gradient."""

from __future__ import annotations

from textrnn.study.claims.claim import POINT, Claim, Comparison, Text, ratio, score, smoother

SWING = 10.0  # times the median: a step whose gradient is so long stands out
HALF_POINT = 0.005

CLAIMS = (
    Claim(
        "gradient_swings",
        2,
        Text(
            "The gradient of a recurrent network swings: the longest is many times the usual one.",
            "循环网络的梯度波动很大：最大的梯度是通常的许多倍。",
        ),
        (
            Comparison("gradient_norm_spread", "names_unclipped", SWING, "above", 0.0),
            Comparison("share_above_clip_norm", "names_unclipped", 0.0, "above", 0.001),
        ),
        Text(
            "Ten times the median, and above the norm of 5 at one step in a thousand or more.",
            "至少为中位数的十倍，并且至少千分之一的步超过范数 5。",
        ),
    ),
    Claim(
        "clipping_steadies",
        2,
        Text(
            "The loss jumps, and clipping the gradient steadies it.",
            "损失会跳动，裁剪梯度使其平稳。",
        ),
        (
            smoother("names_clipped", "names_unclipped"),
            ratio("largest_rise", "names_clipped", "names_unclipped", "below"),
        ),
        Text(
            "Clipped at a norm of 5, at the tutorial's learning rate of 0.001.",
            "裁剪到范数 5，学习率为教程的 0.001。",
        ),
        figure="losses",
    ),
    Claim(
        "clipping_steadies_fast",
        2,
        Text(
            "It does so at ten times the learning rate too.",
            "学习率为十倍时也是如此。",
        ),
        (
            smoother("names_fast_clipped", "names_fast_unclipped"),
            ratio("largest_rise", "names_fast_clipped", "names_fast_unclipped", "below"),
        ),
        figure="losses",
        ours=True,
    ),
    Claim(
        "clipping_costs_nothing",
        2,
        Text("Clipping costs no accuracy.", "裁剪不损失准确率。"),
        (
            score("names_clipped", "names_unclipped", "above", -POINT),
            score("names_fast_clipped", "names_fast_unclipped", "above", -POINT),
        ),
        ours=True,
    ),
    Claim(
        "hundred_epochs",
        2,
        Text(
            "Training takes 100 epochs: the second fifty still raise the accuracy.",
            "训练 100 轮：后五十轮仍提高准确率。",
        ),
        (Comparison("late_gain", "names_unclipped", 0.0, "above", HALF_POINT),),
        Text(
            "The best accuracy on dev of all epochs, less that of the first half; half a point is a gain.",
            "全部轮中开发集的最好准确率减去前一半轮中的；半个百分点算作提高。",
        ),
        figure="accuracy",
    ),
    Claim(
        "chosen_by_test",
        2,
        Text(
            "Accuracy on test after each epoch shows how good the network is.",
            "每轮之后的测试集准确率说明网络有多好。",
        ),
        (Comparison("test_optimism", "names_unclipped", 0.0, "same", HALF_POINT),),
        Text(
            "The best of a hundred accuracies on test, less that of the epoch which dev chooses: what a reader who "
            "takes the best one of the curve adds to it.",
            "一百个测试集准确率中的最大值，减去由开发集选出的那一轮的：读者取曲线最高点时多算的部分。",
        ),
    ),
    Claim(
        "names_both_ways",
        2,
        Text("Both directions do better than one.", "双向好于单向。"),
        (score("names_clipped", "names_one_way", "above"),),
        figure="accuracy",
    ),
)
