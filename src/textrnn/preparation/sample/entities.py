"""Generates the names of people, places and organisations, as Chinese text has them."""

from __future__ import annotations

import random

from textrnn.preparation.sample.sampling import rare_character, skewed, words

SURNAMES = words(
    "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 曾 肖 田 董 袁 潘"
    " 于 蒋 蔡 余 杜 江 金 石 白 方 欧阳 司马 诸葛"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超兰霞平刚桂英华文玉建国春梅海燕志新红云峰雪东林山江天安长永成光"
PLACES = words(
    "北京 上海 广州 深圳 天津 重庆 南京 武汉 成都 杭州 西安 长沙 济南 青岛 大连 沈阳 昆明 云南 四川 湖南 山东 河北"
    " 江苏 浙江 福建 美国 日本 法国 英国 德国 俄罗斯 印度 香港 澳门 伦敦 巴黎 纽约 东京 莫斯科 亚洲 欧洲 中东"
)
PLACE_ENDS = words("市 省 县 市 县 镇 区 村 州 山 河 自治区")
ORG_MIDDLES = words("人民 建设 科技 师范 国际 东方 第一 电力 文化 农业 理工 长江 新华 海洋 交通 医科 贸易")
ORG_ENDS = words("公司 大学 委员会 银行 医院 集团 协会 研究所 出版社 政府 中学 日报社 有限公司 足球队 法院")
ORG_SHORT = words("国务院 外交部 联合国 新华社 教育部 欧盟 世贸组织 北大 人大 财政部")

# Names that people, places and organisations bear alike.
SHARED_NAMES = words(
    "长安 东方 金山 华安 新华 永安 江南 文山 白云 高明 黄山 东明 平安 春江 南山 海丰 天河 安吉 宝丰 建德"
    " 长乐 仁和 云龙 兴华"
)


def person(rng: random.Random) -> str:
    """A family name with a given name, or a transcribed foreign name."""
    if rng.random() < 0.08:
        return f"{_given_name(rng, 3)}·{_given_name(rng, rng.randint(2, 4))}"
    return skewed(rng, SURNAMES) + _given_name(rng, rng.randint(1, 2))


def _given_name(rng: random.Random, length: int) -> str:
    return "".join(rare_character(rng) if rng.random() < 0.06 else skewed(rng, GIVEN) for _ in range(length))


def place(rng: random.Random) -> str:
    """The name of a place, most often with the word for its kind."""
    if rng.random() < 0.5:
        return skewed(rng, PLACES)
    stem = _given_name(rng, 2) if rng.random() < 0.5 else skewed(rng, PLACES)
    return stem + rng.choice(PLACE_ENDS)


def organisation(rng: random.Random) -> str:
    """The name of an organisation, most often with a place name in it: the same characters are then ORG, not LOC."""
    if rng.random() < 0.25:
        return rng.choice(ORG_SHORT)
    stem = _given_name(rng, 2) if rng.random() < 0.2 else skewed(rng, PLACES)
    middle = rng.choice(ORG_MIDDLES) if rng.random() < 0.6 else ""
    return stem + middle + rng.choice(ORG_ENDS)
