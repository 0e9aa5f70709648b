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
            "The gradient of a recurrent network swings: its norm is at times far above the usual, so it is clipped.",
            "循环网络的梯度波动很大：范数有时是平常的许多倍，需要裁剪。",
        ),
        (
            Comparison("gradient_norm_spread", "names_unclipped", SWING, "above", 0.0),
            Comparison("share_above_clip_norm", "names_unclipped", 0.0, "above", 0.001),
        ),
        Text(
            "Needed: a norm above ten times the median, and norms above 5, the limit of clipping, at more than one "
            "step in a thousand. The limit is our choice, as the tutorial names none.",
            "要求：最大范数超过中位数的十倍，并且梯度范数大于 5（裁剪的阈值）的步超过千分之一。教程没有给出阈值，5 是"
            "我们选的。",
        ),
    ),
    Claim(
        "clipping_steadies",
        2,
        Text(
            "The loss jumps, and clipping the gradient steadies it.",
            "损失会跳动，梯度裁剪使它平稳。",
        ),
        (
            smoother("names_clipped", "names_unclipped"),
            ratio("largest_rise", "names_clipped", "names_unclipped", "below"),
        ),
        Text(
            "Clipped at a norm of 5, with the tutorial's learning rate of 0.001.",
            "裁剪到范数 5，学习率为教程的 0.001。",
        ),
        figure="losses",
    ),
    Claim(
        "clipping_steadies_fast",
        2,
        Text(
            "Clipping steadies the loss at ten times the learning rate too.",
            "学习率为十倍时，裁剪也使损失平稳。",
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
        Text("Clipping costs no accuracy.", "裁剪不会降低准确率。"),
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
            "训练要用 100 轮：后五十轮仍能提高准确率。",
        ),
        (Comparison("late_gain", "names_unclipped", 0.0, "above", HALF_POINT),),
        Text(
            "Measured: the best dev accuracy of all epochs, minus the best of the first half. Needed: half a point.",
            "测量的是：全部轮的最好 dev 准确率减去前一半轮的最好值；超过半个百分点算作提高。",
        ),
        figure="accuracy",
    ),
    Claim(
        "chosen_by_test",
        2,
        Text(
            "The best of the test accuracies measured after each epoch shows how good the network is.",
            "各轮结束后的测试集准确率中的最好值能说明网络有多好。",
        ),
        (Comparison("test_optimism", "names_unclipped", 0.0, "same", HALF_POINT),),
        Text(
            "Measured: the best of the hundred test accuracies, minus that of the epoch with the lowest loss on dev. A "
            "reader who picks the best point of the curve overstates the accuracy by this much.",
            "测量的是：一百个测试集准确率中的最大值，减去 dev 损失最低那一轮的准确率。"
            "读者若取曲线的最高点，就会把准确率高估这么多。",
        ),
    ),
    Claim(
        "names_both_ways",
        2,
        Text("Both directions do better than one.", "双向好于单向。"),
        (score("names_clipped", "names_one_way", "above"),),
        figure="accuracy",
        ours=True,
    ),
)
